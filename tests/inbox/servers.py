"""What receiving servers write above a mail, in the forms that they really have.

Domains and people are invented. Postfix, OpenDKIM, OpenDMARC, spf-engine, rspamd and Dovecot
are copied from Debian 12's; the others from mails that their users published. What Orange
writes is not known from such a mail.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its name for `AUTHSERV_ID`, and all that it puts above the sender's part."""

    authserv_id: str
    writes: str
    below: bool = False


#: The people whose mails passed at every server below.
SENDER = "jo@example.org"

SERVERS = {
    "Gmail": Server(
        "mx.google.com",
        """\
Delivered-To: colis@gmail.example
Received: by 2002:a05:6402:1e8b:b0:5d0:ab1c:2d3e with SMTP id x11csp1204edb;
        Mon, 2 Mar 2026 01:31:04 -0800 (PST)
X-Received: by 2002:a17:907:7f8f:b0:ab7:c6f4:9529 with SMTP id a640c23a62f3a-abf.2;
        Mon, 02 Mar 2026 01:31:03 -0800 (PST)
ARC-Seal: i=1; a=rsa-sha256; t=1740907863; cv=none; d=google.com; s=arc-20240605; b=Kx2
ARC-Authentication-Results: i=1; mx.google.com;
       dkim=pass header.i=@example.org header.s=s1 header.b=mim5ZIma;
       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org
Return-Path: <jo@example.org>
Received: from mail.example.org (mail.example.org. [192.0.2.41])
        by mx.google.com with ESMTPS id a640c23a62f3a-abf0c1si2451.163.2026.03.02.01.31.03
        for <colis@gmail.example>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
        Mon, 02 Mar 2026 01:31:03 -0800 (PST)
Received-SPF: pass (google.com: domain of jo@example.org designates 192.0.2.41 as permitted
 sender) client-ip=192.0.2.41;
Authentication-Results: mx.google.com;
       dkim=pass header.i=@example.org header.s=s1 header.b=mim5ZIma;
       arc=pass (i=1 spf=pass spfdomain=example.org dkim=pass dkdomain=example.org);
       spf=pass (google.com: domain of jo@example.org designates 192.0.2.41 as permitted
 sender) smtp.mailfrom=jo@example.org;
       dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=example.org;
       dara=pass header.i=@gmail.example
""",
    ),
    "Microsoft 365": Server(
        "protection.outlook.com",
        """\
Received: from AM8PR10MB4000.EURPRD10.PROD.OUTLOOK.COM (2603:10a6:20b:1cb::10)
 by DB9PR10MB5000.EURPRD10.PROD.OUTLOOK.COM with HTTPS; Mon, 2 Mar 2026 09:31:06 +0000
Received: from DU2PR04CA0123.eurprd04.prod.outlook.com (2603:10a6:10:2b1::18)
 by AM8PR10MB4000.EURPRD10.PROD.OUTLOOK.COM (2603:10a6:20b:1cb::10) with Microsoft
 SMTP Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id
 15.20.8489.28; Mon, 2 Mar 2026 09:31:05 +0000
Received: from DU6PEPF0000A7DF.eurprd02.prod.outlook.com
 (2603:10a6:10:2b1:cafe::b7) by DU2PR04CA0123.outlook.office365.com
 (2603:10a6:10:2b1::18) with Microsoft SMTP Server (version=TLS1_3,
 cipher=TLS_AES_256_GCM_SHA384) id 15.20.8489.28 via Frontend Transport; Mon,
 2 Mar 2026 09:31:05 +0000
Authentication-Results: spf=pass (sender IP is 192.0.2.41)
 smtp.mailfrom=example.org; dkim=pass (signature was verified)
 header.d=example.org;dmarc=pass action=none header.from=example.org;compauth=pass
 reason=100
Received-SPF: Pass (protection.outlook.com: domain of example.org designates
 192.0.2.41 as permitted sender) receiver=protection.outlook.com;
 client-ip=192.0.2.41; helo=mail.example.org; pr=C
Received: from mail.example.org (192.0.2.41) by
 DU6PEPF0000A7DF.mail.protection.outlook.com (10.167.8.38) with Microsoft
 SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id
 15.20.8489.16 via Frontend Transport; Mon, 2 Mar 2026 09:31:04 +0000
X-IncomingTopHeaderMarker: OriginalChecksum:AB01
""",
    ),
    "Outlook.com, as it used to write": Server(
        "protection.outlook.com",
        """\
Received: from DB5EUR01FT010.eop-EUR01.prod.protection.outlook.com
 (2a01:111:e400:7e1a::47) by VI1PR08MB1.outlook.office365.com
 (2a01:111:e400:7e1a::300) with Microsoft SMTP Server (version=TLS1_2,
 cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.2538.15 via Frontend
 Transport; Mon, 2 Mar 2026 09:31:05 +0000
Authentication-Results: spf=pass (sender IP is 192.0.2.41)
 smtp.mailfrom=example.org; hotmail.example; dkim=pass (signature was verified)
 header.d=example.org;hotmail.example; dmarc=pass action=none
 header.from=example.org;
Received: from mail.example.org (192.0.2.41) by
 DB5EUR01FT010.mail.protection.outlook.com (10.152.4.222) with Microsoft SMTP
 Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id
 15.20.2538.15 via Frontend Transport; Mon, 2 Mar 2026 09:31:04 +0000
""",
    ),
    "Yahoo": Server(
        "yahoo.com",
        """\
Received: from 127.0.0.1
 by atlas-production.v2-mail-prod1-gq1.omega.yahoo.com pod-id
 atlas--production-gq1-fb5f4cbd-6l2jz.gq1.yahoo.com with HTTP; Mon, 2 Mar 2026 09:31:05 +0000
Return-Path: <jo@example.org>
X-Originating-Ip: [192.0.2.41]
Received-SPF: pass (domain of example.org designates 192.0.2.41 as permitted sender)
Authentication-Results: atlas-production.v2-mail-prod1-gq1.omega.yahoo.com;
 dkim=pass header.i=@example.org header.s=s1 arc_overridden_status=NOT_OVERRIDDEN;
 spf=pass smtp.mailfrom=example.org arc_overridden_status=NOT_OVERRIDDEN;
 dmarc=pass(p=NONE,sp=QUARANTINE) header.from=example.org arc_overridden_status=NOT_OVERRIDDEN;
X-Apparently-To: colis@yahoo.example; Mon, 2 Mar 2026 09:31:05 +0000
X-YMailISG: VdXi0okWLDsISMf5s3zk_5GO4Es7.0OD9QVbSI0hKWV7CsTm
Received: from 192.0.2.41 (EHLO mail.example.org)
 by 10.217.151.75 with SMTPs
 (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384); Mon, 02 Mar 2026 09:31:05 +0000
""",
    ),
    "iCloud": Server(
        "dmarc.icloud.com",
        """\
Received: from ci74p00im-qukt09082501.me.com by p110-mailgateway-smtp-6c (mailgateway 2620B)
    with SMTP id 3a5e for <colis@icloud.example>; Mon, 2 Mar 2026 09:31:06 GMT
X-Apple-MoveToFolder: INBOX
Received: from mail.example.org (mail.example.org [192.0.2.41])
    by ci74p00im-qukt09082501.me.com (Postfix) with ESMTPS id EC1AC39C0207
    for <colis@icloud.example>; Mon, 2 Mar 2026 09:31:05 +0000 (UTC)
X-ICL-SCORE: 3.333033230041
Authentication-Results: bimi.icloud.com; bimi=skipped reason="insufficient dmarc"
X-ARC-Info: policy=fail; arc=none
Authentication-Results: arc.icloud.com; arc=none
Authentication-Results: dmarc.icloud.com; dmarc=pass header.from=example.org
X-DMARC-Info: pass=pass; dmarc-policy=none; s=r0; d=r1; pdomain=example.org
Authentication-Results: dkim-verifier.icloud.com;
    dkim=pass (2048-bit key) header.d=example.org header.i=@example.org header.b=SB8S0d6H
Authentication-Results: spf.icloud.com; spf=pass (spf.icloud.com: domain of
    jo@example.org designates 192.0.2.41 as permitted sender) smtp.mailfrom="jo@example.org"
""",
    ),
    "Orange (form supposed)": Server(
        "orange.fr",
        """\
Return-Path: <jo@example.org>
Received: from opmta1mti12nd1 (opmta1mti12nd1.orange.fr [10.110.57.12])
    by mwinb1f03.orange.fr with LMTPA; Mon, 02 Mar 2026 10:31:05 +0100
X-Sieve: CMU Sieve 2.3
Authentication-Results: opmta1mti12nd1.orange.fr;
    dkim=pass header.i=@example.org header.s=s1;
    spf=pass smtp.mailfrom=jo@example.org; dmarc=pass header.from=example.org
Received: from mail.example.org ([192.0.2.41])
    by smtp.orange.fr with ESMTP id UcNul94nQxp63; Mon, 02 Mar 2026 10:31:04 +0100
X-me-spamlevel: not-spam
""",
    ),
    "OVH": Server(
        "mail.ovh.net",
        """\
Return-Path: <jo@example.org>
Delivered-To: colis@famille.example
Received: from in66.mail.ovh.net (unknown [10.101.4.66])
\tby vr38.mail.ovh.net (Postfix) with ESMTP id 4GLCGr70Kyz1myr75
\tfor <colis@famille.example>; Mon,  2 Mar 2026 09:31:05 +0000 (UTC)
Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.41; helo=mail.example.org;
 envelope-from=jo@example.org; receiver=colis@famille.example
Authentication-Results: in66.mail.ovh.net;
\tdkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org
 header.b="GMG2ucPx"; dkim-atps=neutral
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby in66.mail.ovh.net (Postfix) with ESMTPS id 4QZbyd3YSRz2Dq2GF
\tfor <colis@famille.example>; Mon,  2 Mar 2026 09:31:04 +0000 (UTC)
""",
    ),
    "Postfix, OpenDKIM, OpenDMARC, spf-engine, Dovecot": Server(
        "mx.example.net",
        """\
Return-Path: <jo@example.org>
Delivered-To: colis@example.net
Received: from mx.example.net ([127.0.0.1])
\tby vm with LMTP
\tid QKLEOJA1C2tFRAAAg+zDdQ
\t(envelope-from <jo@example.org>)
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000
Authentication-Results: mx.example.net; dmarc=none (p=none dis=none) header.from=example.org
Authentication-Results: mx.example.net; spf=none smtp.mailfrom=example.org
Authentication-Results: mx.example.net;
\tdkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org
 header.a=rsa-sha256 header.s=s1 header.b=S6dz4sL/;
\tdkim-atps=neutral
Authentication-Results: mx.example.net; spf=none (no SPF record) smtp.mailfrom=example.org
 (client-ip=192.0.2.41; helo=mail.example.org; envelope-from=jo@example.org;
 receiver=example.net)
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby mx.example.net (Postfix) with ESMTPS id B74E82141E2
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
""",
    ),
    "Postfix with OpenDMARC alone": Server(
        "mx.example.net",
        """\
Authentication-Results: mx.example.net; dmarc=pass (p=reject dis=none) header.from=example.org
Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby mx.example.net (Postfix) with ESMTPS id B74E82141E2
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
""",
    ),
    "Postfix with spf-engine alone": Server(
        "mx.example.net",
        """\
Delivered-To: colis@example.net
Authentication-Results: mx.example.net; spf=pass (sender SPF authorized)
 smtp.mailfrom=example.org (client-ip=192.0.2.41; helo=mail.example.org;
 envelope-from=jo@example.org; receiver=example.net)
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby mx.example.net (Postfix) with ESMTPS id B74E82141E2
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
""",
    ),
    "OpenDKIM that adds the number of the job, with amavis behind": Server(
        "mx.example.net",
        """\
Received: from localhost (localhost [127.0.0.1])
\tby mx.example.net (Postfix) with ESMTP id C74E82141E3
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:06 +0000 (UTC)
X-Virus-Scanned: Debian amavis at mx.example.net
Received: from mx.example.net ([127.0.0.1])
\tby localhost (mx.example.net [127.0.0.1]) (amavis, port 10024)
\twith ESMTP id 9XyZ for <colis@example.net>; Mon, 02 Mar 2026 09:31:06 +0000 (UTC)
Authentication-Results: mx.example.net/B74E82141E2;
\tdkim=pass (2048-bit key; unprotected) header.d=example.org header.i=@example.org
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby mx.example.net (Postfix) with ESMTPS id B74E82141E2
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
""",
    ),
    "rspamd as Postfix's milter": Server(
        "mx.example.net",
        """\
Return-Path: <jo@example.org>
Delivered-To: colis@example.net
Received: from mx.example.net ([127.0.0.1])
\tby vm with LMTP
\tid 1V3+NdQ6C2upAQAAg+zDdQ
\t(envelope-from <jo@example.org>)
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000
Received: from mail.example.org (mail.example.org [192.0.2.41])
\tby mx.example.net (Postfix) with ESMTPS id 8CC1E24485C
\tfor <colis@example.net>; Mon, 02 Mar 2026 09:31:05 +0000 (UTC)
Authentication-Results: mx.example.net;
\tdkim=pass header.d=example.org header.s=s1 header.b=G7rCmppJ;
\tspf=pass (mx.example.net: domain of jo@example.org designates 192.0.2.41 as permitted
 sender) smtp.mailfrom=jo@example.org;
\tdmarc=pass (policy=none) header.from=example.org
""",
        below=True,
    ),
    "Exim": Server(
        "mx.example.net",
        """\
Authentication-Results: mx.example.net;
\tiprev=pass (mail.example.org) smtp.remote-ip=192.0.2.41;
\tspf=pass smtp.mailfrom=example.org;
\tdkim=pass header.d=example.org header.s=s1 header.a=rsa-sha256;
\tdmarc=pass header.from=example.org;
\tarc=none
Return-path: <jo@example.org>
Received: from mail.example.org ([192.0.2.41])
\tby mx.example.net with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384
\t(Exim 4.96) (envelope-from <jo@example.org>) id 1vx0Zh-0003pT-1A
\tfor colis@example.net; Mon, 02 Mar 2026 10:31:05 +0100
""",
    ),
    "Fastmail": Server(
        "messagingengine.com",
        """\
Return-Path: <jo@example.org>
Received: from phl-compute-07.internal (phl-compute-07.internal [10.202.2.47])
\t by sloti1d3t01 (Cyrus 3.13.0) with LMTPA; Mon, 02 Mar 2026 04:31:06 -0500
X-Sieve: CMU Sieve 3.0
Received: from phl-mx-03.messagingengine.com ([10.202.2.202])
  by phl-compute-07.internal (LMTPProxy); Mon, 02 Mar 2026 04:31:06 -0500
Received: from phl-mx-03.messagingengine.com (localhost [127.0.0.1])
\tby mailmx.phl.internal (Postfix) with ESMTP id 2F81F1280127
\tfor <colis@fastmail.example>; Mon,  2 Mar 2026 04:31:06 -0500 (EST)
Authentication-Results: phl-mx-03.messagingengine.com;
    x-csa=none;
    x-ptr=pass smtp.helo=mail.example.org policy.ptr=mail.example.org;
    dkim=pass (2048-bit rsa key sha256) header.d=example.org header.i=@example.org
    header.b=mim5ZIma header.a=rsa-sha256 header.s=s1 x-bits=2048;
    dmarc=pass policy.published-domain-policy=none header.from=example.org
    policy.evaluated-disposition=none (p=none,d=none,d.eval=none);
    iprev=pass smtp.remote-ip=192.0.2.41 (mail.example.org);
    spf=pass smtp.mailfrom=jo@example.org smtp.helo=mail.example.org
Received: from mail.example.org (mail.example.org [192.0.2.41])
\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
\tby phl-mx-03.messagingengine.com (Postfix) with ESMTPS id 1A2B3C
\tfor <colis@fastmail.example>; Mon,  2 Mar 2026 04:31:05 -0500 (EST)
""",
    ),
}

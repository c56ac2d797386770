"""How mail programs mark a forward, as data: labels, separators and subject prefixes.

One row per word, with every language that uses it where that is known. Adding a language
or a program is adding words here.
"""

import re
from enum import StrEnum


class Field(StrEnum):
    """The fields of a quoted header block; `IGNORED` ones only belong to its shape."""

    FROM = "from"
    DATE = "date"
    TO = "to"
    CC = "cc"
    SUBJECT = "subject"
    IGNORED = "ignored"


#: Words before the colon; `|` between words, since some contain spaces.
LABELS: dict[Field, str] = {
    Field.FROM: (
        "From|De|Expéditeur|Von|Absender|Da|Mittente|Od|Nadawca|Van|Afzender|Fra|Från|Lähettäjä"
        "|Šalje|Feladó|Expeditorul|De la|Отправитель|От кого|От|Від кого|Від|Kimden|Gönderen|Saatja"
        "|Remitente|Remetente|Odesílatel|Odosielateľ|Avsändare|Avsender|Afsender|Pošiljatelj"
        "|Expeditor|Відправник|Kellelt|Provenant de|Exp|送信元|差出人|发件人|寄件者|보낸 사람"
        "|보낸사람"
    ),
    Field.DATE: (
        "Date|Envoyé|Envoyé le|Envoyée|Date d'envoi|Sent|Gesendet|Datum|Enviado|Enviado el|Enviada"
        "|Enviada em|Enviado em|Fecha|Inviato|Data|Wysłano|Verzonden|Dato|Sendt|Skickat|Päivämäärä"
        "|Päiväys|Lähetetty|Dátum|Elküldve|Küldve|Küldés ideje|Dată|Trimis|Data trimiterii|Expediat"
        "|Дата|Отправлено|Дата отправки|Відправлено|Надіслано|Tarih|Gönderilen|Gönderme Tarihi"
        "|Gönderildi|Odoslané|Odesláno|Kuupäev|Saadetud|Saatmisaeg|Poslano|日付|送信日時|日時"
        "|Gesendet am|Sent on|Sent at|Date sent|Received|发送时间|日期|寄件日期|보낸 날짜|날짜"
        "|Envoyé à|Reçu|Reçu le|Le|On|Enviado a las|Enviados|Enviadas|Inviato il|Inviata|Data invio"
        "|Verzonden op|Wysłane|Data wysłania|Gönderim tarihi|Gönderilme|Gönderme Zamanı|发送日期"
        "|发件时间"
    ),
    Field.TO: (
        "To|À|A|Pour|Destinataire|Destinataires|An|Empfänger|Para|Do|Adresat|Odbiorca|Aan|Ontvanger"
        "|Til|Modtager|Mottaker|Till|Mottagare|Vastaanottaja|Prima|Primatelj|Címzett|Destinatarul"
        "|Destinatar|Către|Кому|Pre|Komu|Adresát|Příjemce|Príjemca|Kime|Alıcı|Destinatario"
        "|Destinatario/i|Destinatari|Destinatário|Kellele|Adressaat|Saaja|Prejemnik|Za|Catre"
        "|Получатель|Одержувач|Отримувач|Per|送信先|宛先|收件人|收件者|받는 사람|받는사람"
    ),
    Field.CC: (
        "Cc|Copie|Copie à|Copie carbone|Kopie|Kopie (CC)|Kopio|Másolat|Másolatot kap|Kopi|Kopi til"
        "|Dw|Копия|Kopia|Bilgi|Копія|Kópia|Koopia|Kopija|Copia|Cópia|抄送|副本|参照|참조"
    ),
    Field.SUBJECT: (
        "Subject|Objet|Sujet|Betreff|Asunto|Oggetto|Temat|Onderwerp|Assunto|Emne|Ämne|Aihe|Předmět"
        "|Predmet|Naslov|Tárgy|Subiect|Subiectul|Тема|Konu|Teema|Otsikko|Thema|Betrifft|件名|主题"
        "|主旨|제목"
    ),
    Field.IGNORED: (
        "Reply-To|Reply to|Répondre à|Répondre|Odgovori na|Odpověď na|Svar til|Antwoord aan|Vastaus"
        "|Antwort an|Válaszcím|Rispondi a|Odpowiedź-do|Responder a|Răspuns către|Ответ-Кому"
        "|Odpovedať-Pre|Svara till|Yanıt Adresi|Кому відповісти|返信先|Bcc|Cci|Cco|Ccn|UDW"
        "|Importance|Priorité|Priority|Prioridad|Importancia|Priorità|Wichtigkeit|Urgentie"
        "|Prioriteit|Priorität|Ważność|Prioritet|Catégories|Categories|Organisation|Organization"
        "|Pièces jointes|Pièce jointe|Attachments|Attachment|Anlagen|Anhänge|Allegati|Adjuntos"
        "|Datos adjuntos|Anexos|Bijlagen|Bilagor|Załączniki|Přílohy|Resent-From|Resent-To"
        "|Resent-Date|Sender|Message-ID|Newsgroups|Security|Sensitivity|Return-Path|Delivered-To"
        "|Received-SPF|User-Agent|X-Mailer|MIME-Version|Content-Type|Mailer|Copie cachée"
        "|Copie cachée à|Copia oculta|Copia nascosta|Blindkopie|Envoyé par|Sent by|Gesendet von"
    ),
}

#: Yahoo glues some labels without a colon (Portuguese and Polish).
BARE_LABELS = ("Assunto", "Dw")

#: Words between dashes that only a forward has.
FORWARDED = frozenset(
    text.casefold()
    for text in (
        "Forwarded message",
        "Forwarded by",
        "Message transféré",
        "Message transmis",
        "Message réexpédié",
        "Mail transféré",
        "Courriel transféré",
        "E-mail transféré",
        "Transféré par",
        "Réacheminé par",
        "Weitergeleitete Nachricht",
        "Weitergeleitete Mail",
        "Weitergeleitete E-Mail",
        "Weitergeleitet von",
        "Mensaje reenviado",
        "Messaggio inoltrato",
        "Mensagem reencaminhada",
        "Mensagem encaminhada",
        "Przekazana wiadomość",
        "Wiadomość przesłana dalej",
        "Wiadomość przekazana",
        "Treść przekazanej wiadomości",
        "Doorgestuurd bericht",
        "Přeposlaná zpráva",
        "Videresendt meddelelse",
        "Videresendt melding",
        "Videresendt besked",
        "Videresendt e-mail",
        "Edelleenlähetetty viesti",
        "Välitetty viesti",
        "Edastatud kiri",
        "Edastatud sõnum",
        "Proslijeđena poruka",
        "Prosljeđena poruka",
        "Továbbított üzenet",
        "Továbbított levél",
        "Mesaj redirecționat",
        "Mesaj redirecţionat",
        "Пересылаемое сообщение",
        "Перенаправленное сообщение",
        "Переадресованное сообщение",
        "Preposlaná správa",
        "Vidarebefordrat meddelande",
        "İletilmiş Mesaj",
        "Yönlendirilmiş ileti",
        "Yönlendirilen ileti",
        "İletilen İleti",
        "Перенаправлене повідомлення",
        "Переслане повідомлення",
        "メッセージを転送",
        "転送されたメッセージ",
        "转发的邮件",
        "转发邮件",
        "転送メッセージ",
        "轉寄郵件",
        "전달된 메시지",
    )
)

#: Words between dashes below a forward, where a program marks its end.
ENDINGS = frozenset(
    text.casefold()
    for text in (
        "End forwarded message",
        "End of forwarded message",
        "Fin du message transféré",
        "Ende der weitergeleiteten Nachricht",
        "Fin del mensaje reenviado",
        "Fine messaggio inoltrato",
        "Конец пересылаемого сообщения",
        "Завершение пересылаемого сообщения",
    )
)

#: The sentence that Apple Mail and MailMate put above the block; a colon follows.
BEGINNINGS = frozenset(
    text.casefold()
    for text in (
        "Begin forwarded message",
        "Forwarded message",
        "Début du message réexpédié",
        "Début du message transféré",
        "Anfang der weitergeleiteten Nachricht",
        "Inicio del mensaje reenviado",
        "Inizio messaggio inoltrato",
        "Início da mensagem reencaminhada",
        "Início da mensagem encaminhada",
        "Początek przekazywanej wiadomości",
        "Begin doorgestuurd bericht",
        "Začátek přeposílané zprávy",
        "Start på videresendt besked",
        "Välitetty viesti alkaa",
        "Započni proslijeđenu poruku",
        "Továbbított levél kezdete",
        "Videresendt melding",
        "Începe mesajul redirecționat",
        "Начало переадресованного сообщения",
        "Начало пересылаемого сообщения",
        "Začiatok preposlanej správy",
        "Vidarebefordrat mejl",
        "İleti başlangıcı",
        "Початок листа, що пересилається",
        "転送されたメッセージ",
        "以下是转发的邮件",
        "下面是被转发的邮件",
        "以下是轉寄的郵件",
        "전달된 메시지",
    )
)

#: Parts of words between dashes that replies have too: Outlook, Samsung, K-9, Zimbra, IONOS.
ORIGINALS = (
    *("origin", "orygin", "origiń", "orygiń", "courriel", "ursprünglich", "ursprunglig"),
    *("oprindelig", "opprinnelig", "oorspronkelijk", "исходное", "оригінал", "вихідне"),
    *("початкове", "pierwotna", "původní", "pôvodná", "izvorna", "orijinal", "özgün"),
    *("alkuperäinen", "eredeti", "inițial", "algne", "alguper"),
    *("元のメッセージ", "原始邮件", "원본"),
)

#: Orange and Wanadoo: "Message du 19/04/21 01:03", which is also the only date.
ORANGE = re.compile(r"Message du (\d\d/\d\d/\d\d(?:\d\d)?(?: \d\d:\d\d)?)$")

_ATTRIBUTION = re.compile(
    r"(?:a écrit|wrote|schrieb\b.*|escribió|ha scritto|escreveu|napisał(?:\(a\))?|geschreven"
    r"|schreef\b.*|napsal(?:\(a\))?|skrev\b.*|kirjoitti\b.*|ezt írta|написал|написала|пише|написав"
    r"|napísal|a scris|şunu yazdı|yazdı|följande|napisao je|napisala je|kirjutas)\s*:$",
    re.IGNORECASE,
)


def is_attribution(line: str) -> bool:
    """Return True if a line ends in who wrote when: above replies, and Outlook 2019's forwards."""
    # Nearly no line ends in a colon, and the pattern is slow.
    return line.endswith(":") and _ATTRIBUTION.search(line) is not None


#: As in « Le lun. 2 mars 2026 à 09:31, Jo … »
ATTRIBUTION_BEGINS = re.compile(
    r"(?:le|on|am|el|il|op|em|den|d\.|dne|dnia|w dniu)\s.*\d", re.IGNORECASE
)


#: Subject prefixes of forwards. Single letters and short words count before a colon only.
FORWARD_PREFIX = re.compile(
    r"(?:fwd?|tr|transf|transfert|transféré|wg|rv|vs|vb|vl|pd|enc|i|i̇lt|ilt|redir\.?|videresend"
    r"|przek|doorst|továbbítás|edasi|inoltro|転送|转发|轉寄|전달)"
    r"(?:\[\d+\])?\s*[:\uff1a]\s*",
    re.IGNORECASE,
)

REPLY_PREFIX = re.compile(
    r"(?:re|réf|aw|sv|antw|odp|rép|rif|ynt|yan|ref|vá|odg|res|回复|답장|r)"
    r"(?:\[\d+\])?\s*[:\uff1a]\s*",
    re.IGNORECASE,
)

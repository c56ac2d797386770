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
        "|Remitente|Remetente|Odesílatel|Odosielateľ|Avsändare|Avsender|Afsender|送信元|差出人|发件人"
    ),
    Field.DATE: (
        "Date|Envoyé|Envoyé le|Sent|Gesendet|Datum|Enviado|Enviado el|Enviada em|Enviado em|Fecha"
        "|Inviato|Data|Wysłano|Verzonden|Dato|Sendt|Skickat|Päivämäärä|Päiväys|Lähetetty|Dátum"
        "|Elküldve|Dată|Trimis|Data trimiterii|Дата|Отправлено|Відправлено|Надіслано|Tarih"
        "|Gönderilen|Gönderme Tarihi|Gönderildi|Odoslané|Odesláno|Kuupäev|Poslano"
        "|日付|送信日時|日時|发送时间|日期"
    ),
    Field.TO: (
        "To|À|A|Pour|Destinataire|Destinataires|An|Para|Do|Adresat|Aan|Til|Till|Vastaanottaja"
        "|Prima|Címzett|Destinatarul|Către|Кому|Pre|Komu|Kime|Alıcı|Destinatario|Kellele"
        "|Prejemnik|送信先|宛先|收件人"
    ),
    Field.CC: (
        "Cc|Copie|Copie à|Kopie|Kopie (CC)|Kopio|Másolat|Másolatot kap|Kopi|Dw|Копия|Kopia"
        "|Bilgi|Копія|Kópia|抄送"
    ),
    Field.SUBJECT: (
        "Subject|Objet|Sujet|Betreff|Asunto|Oggetto|Temat|Onderwerp|Assunto|Emne|Ämne|Aihe"
        "|Předmět|Predmet|Naslov|Tárgy|Subiect|Subiectul|Тема|Konu|Teema|件名|主题"
    ),
    Field.IGNORED: (
        "Reply-To|Répondre à|Odgovori na|Odpověď na|Svar til|Antwoord aan|Vastaus|Antwort an"
        "|Válaszcím|Rispondi a|Odpowiedź-do|Responder a|Răspuns către|Ответ-Кому|Odpovedať-Pre"
        "|Svara till|Yanıt Adresi|Кому відповісти|Bcc|Cci|Importance|Priorité|Priority"
        "|Organisation|Organization|Pièces jointes|Pièce jointe|Attachments|Wichtigkeit"
        "|Resent-From|Sender|Message-ID"
    ),
}

#: Yahoo glues some labels without a colon (Portuguese and Polish).
BARE_LABELS = ("Assunto", "Dw")

#: Words between dashes that only a forward has.
FORWARDED = frozenset(
    text.casefold()
    for text in (
        "Forwarded message",
        "Message transféré",
        "Message transmis",
        "Mail transféré",
        "Message réexpédié",
        "Weitergeleitete Nachricht",
        "Weitergeleitete Mail",
        "Mensaje reenviado",
        "Messaggio inoltrato",
        "Mensagem reencaminhada",
        "Mensagem encaminhada",
        "Przekazana wiadomość",
        "Treść przekazanej wiadomości",
        "Doorgestuurd bericht",
        "Přeposlaná zpráva",
        "Videresendt meddelelse",
        "Videresendt melding",
        "Edelleenlähetetty viesti",
        "Välitetty viesti",
        "Välitetty viesti / Fwd.Msg",
        "Proslijeđena poruka",
        "Továbbított üzenet",
        "Mesaj redirecționat",
        "Пересылаемое сообщение",
        "Перенаправленное сообщение",
        "Preposlaná správa",
        "Preposlaná správa --- Forwarded Message",
        "Vidarebefordrat meddelande",
        "İletilmiş Mesaj",
        "İletilen İleti",
        "Перенаправлене повідомлення",
        "Переслане повідомлення",
        "メッセージを転送",
        "転送されたメッセージ",
        "转发的邮件",
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
    )
)

#: Replies have these too: Outlook, Samsung, K-9, Roundcube, Zimbra, Bluewin, IONOS.
ORIGINALS = re.compile(
    r"original|origine|courriel|ursprüngliche|originale|oprindelig|oorspronkelijk|исходное"
    r"|pierwotna|původní|orijinal|alkuperäinen|eredeti|元のメッセージ",
    re.IGNORECASE,
)

#: Orange and Wanadoo: "Message du 19/04/21 01:03", which is also the only date.
ORANGE = re.compile(r"Message du (\d\d/\d\d/\d\d(?:\d\d)?(?: \d\d:\d\d)?)$")

#: Outlook 2019, and every reply: who wrote when, in one sentence.
ATTRIBUTION = re.compile(
    r"(?:a écrit|wrote|schrieb\b.*|escribió|ha scritto|escreveu|napisał(?:\(a\))?|geschreven"
    r"|schreef\b.*|napsal(?:\(a\))?|skrev\b.*|kirjoitti\b.*|ezt írta|написал|написала|пише|написав"
    r"|napísal|a scris|şunu yazdı|yazdı|följande|napisao je)\s*:$",
    re.IGNORECASE,
)

#: Subject prefixes of forwards. Single letters and short words count before a colon only.
FORWARD_PREFIX = re.compile(
    r"(?:fwd?|tr|wg|rv|vs|vb|vl|pd|enc|i|i̇lt|ilt|redir\.?|videresend|przek|doorst|továbbítás|转发)"
    r"(?:\[\d+\])?\s*[:\uff1a]\s*",
    re.IGNORECASE,
)

REPLY_PREFIX = re.compile(
    r"(?:re|réf|aw|sv|antw|odp|rép|rif|ynt|ref|回复|r)(?:\[\d+\])?\s*[:\uff1a]\s*", re.IGNORECASE
)

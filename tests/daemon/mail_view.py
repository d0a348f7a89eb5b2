"""How the parts of a message are written down to be compared between parsers."""
import base64
import email.errors
import email.header

ADDRESS_FIELDS = {"from": "From", "sender": "Sender", "reply_to": "Reply-To", "to": "To", "cc": "Cc"}


def words(text):
    """A field's text as people read it."""
    if text is None:
        return None
    try:
        return " ".join(str(email.header.make_header(email.header.decode_header(text))).split())
    except (LookupError, UnicodeDecodeError, email.errors.HeaderParseError):
        return " ".join(text.split())


def raw(data):
    return base64.b64encode(data.replace(b"\r\n", b"\n")).decode()


def identifier(text):
    text = "".join((text or "").split())
    return text.strip("<>") if text.startswith("<") and text.endswith(">") and text.count("<") == 1 else text or None

"""What two other parsers see in messages: Python's email and GMime. A program of its own, since GMime's bindings belong to the system's Python.

Standard input: messages, each behind its length and a line end. Standard output: a line of JSON for each: [what email sees, what GMime sees].
What is seen is a flat table; its keys are those of imap_odd_test.py.
"""
import email
import email.policy
import email.utils
import json
import sys

import gi

gi.require_version("GMime", "3.0")
from gi.repository import GMime  # noqa: E402

from mail_view import ADDRESS_FIELDS, identifier, raw, words  # noqa: E402

# ---- email ----

def email_part(part, path, out):
    """Children get paths as IMAP numbers them; `path` is the part's own."""
    kind = part.get_content_type()
    children = part.get_payload() if part.is_multipart() else []
    if kind == "message/rfc822" and children:
        inner = children[0]
        return [kind, email_tree(inner, path, out)]
    if part.get_content_maintype() == "multipart":
        if not children:
            return [kind]
        return [kind] + [email_part(c, f"{path}.{n}" if path else str(n), out) for n, c in enumerate(children, 1)]
    here = path or "1"
    parameters = {}
    for name, value in (part.get_params() or [])[1:]:
        parameters[name.lower()] = email.utils.collapse_rfc2231_value(value)
    out[f"{here} parameters"] = parameters
    out[f"{here} encoding"] = str(part.get("Content-Transfer-Encoding", "") or "").strip().lower() or "7bit"
    disposition = part.get_content_disposition()
    out[f"{here} disposition"] = disposition
    out[f"{here} filename"] = part.get_filename() if disposition else None
    if isinstance(part.get_payload(), str):
        out[f"{here} body"] = raw(part.get_payload().encode("ascii", "surrogateescape"))
    return [kind]


def email_tree(message, path, out):
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        return email_part(message, path, out)
    return email_part(message, f"{path}.1" if path else "1", out)


def email_sees(data):
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    out = {}
    out["tree"] = email_tree(message, "", out)
    for key, name in ADDRESS_FIELDS.items():
        values = message.get_all(name)
        out[key] = None if values is None else [[words(n) or "", a] for n, a in email.utils.getaddresses([str(v) for v in values[:1]]) if n or a]
    out["subject"] = words(str(message["Subject"])) if message["Subject"] is not None else None
    for key, name in (("message_id", "Message-ID"), ("in_reply_to", "In-Reply-To")):
        out[key] = identifier(str(message[name])) if message[name] is not None else None
    return out


# ---- GMime ----

def mailboxes(addresses):
    out = []
    for n in range(addresses.length()):
        address = addresses.get_address(n)
        if isinstance(address, GMime.InternetAddressGroup):
            out += mailboxes(address.get_members())
        else:
            out.append([" ".join((address.get_name() or "").split()), address.get_addr() or ""])
    return out


def content(part):
    wrapper = part.get_content()
    if wrapper is None:
        return b""
    stream, memory = wrapper.get_stream(), GMime.StreamMem.new()
    stream.reset()
    stream.write_to_stream(memory)
    return bytes(memory.get_byte_array())


ENCODINGS = {GMime.ContentEncoding.DEFAULT: "7bit", getattr(GMime.ContentEncoding, "7BIT"): "7bit", getattr(GMime.ContentEncoding, "8BIT"): "8bit", GMime.ContentEncoding.BINARY: "binary",
             GMime.ContentEncoding.BASE64: "base64", GMime.ContentEncoding.QUOTEDPRINTABLE: "quoted-printable", GMime.ContentEncoding.UUENCODE: "x-uuencode"}


def gmime_part(part, path, out):
    kind = part.get_content_type()
    name = f"{kind.get_media_type()}/{kind.get_media_subtype()}".lower()
    if isinstance(part, GMime.MessagePart):
        inner = part.get_message()
        return [name] + ([gmime_tree(inner, path, out)] if inner else [])
    if isinstance(part, GMime.Multipart):
        return [name] + [gmime_part(part.get_part(n), f"{path}.{n + 1}" if path else str(n + 1), out) for n in range(part.get_count())]
    here = path or "1"
    parameters = kind.get_parameters()
    out[f"{here} parameters"] = {parameters.get_parameter_at(n).get_name().lower(): parameters.get_parameter_at(n).get_value() for n in range(parameters.length())}
    out[f"{here} encoding"] = ENCODINGS[part.get_content_encoding()]
    disposition = part.get_disposition()
    out[f"{here} disposition"] = disposition.lower() if disposition else None
    out[f"{here} filename"] = part.get_filename() if disposition else None
    out[f"{here} body"] = raw(content(part))
    return [name]


def gmime_tree(message, path, out):
    part = message.get_mime_part()
    if part is None:
        return ["text/plain"]
    return gmime_part(part, path if isinstance(part, GMime.Multipart) else f"{path}.1" if path else "1", out)


def gmime_sees(data):
    message = GMime.Parser.new_with_stream(GMime.StreamMem.new_with_buffer(data)).construct_message(None)
    if message is None:
        return {}
    out = {}
    out["tree"] = gmime_tree(message, "", out)
    kinds = {"from": "FROM", "sender": "SENDER", "reply_to": "REPLY_TO", "to": "TO", "cc": "CC"}
    for key, name in kinds.items():
        out[key] = mailboxes(message.get_addresses(getattr(GMime.AddressType, name))) if message.get_header(ADDRESS_FIELDS[key]) is not None else None
    subject = message.get_subject()
    out["subject"] = " ".join(subject.split()) if subject is not None else None
    out["message_id"] = identifier(message.get_message_id() or message.get_header("Message-ID"))
    out["in_reply_to"] = identifier(message.get_header("In-Reply-To"))
    return out


def main():
    GMime.init()
    source = sys.stdin.buffer
    while line := source.readline():
        data = source.read(int(line))
        print(json.dumps([email_sees(data), gmime_sees(data)]), flush=True)


if __name__ == "__main__":
    main()

"""Parsers from the text of a raw file to a frozen dataclass. A file without usable data raises ``ParseError``."""

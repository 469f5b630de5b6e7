"""From the text of one raw file to one frozen dataclass. A file without usable data raises ``ParseError``."""

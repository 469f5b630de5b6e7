"""Turns the files of a case into measured values, through the gates."""

"""The one door between untrusted bytes and the rest: limits, decoding, and the process in which decoding runs."""

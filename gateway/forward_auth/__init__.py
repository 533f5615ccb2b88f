"""The question a proxy asks once per request: may this one pass, and who is it."""

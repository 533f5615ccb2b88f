"""Who someone is, what a request presents, and how an identity is written into headers and an assertion."""

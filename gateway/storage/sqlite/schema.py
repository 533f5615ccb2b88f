"""The tables of the embedded store.

Expiry (`exp`, Unix seconds) is a column of every row that can be read, and is judged by the reader; the sweep only
gives the space back. Triggers keep what is derived (fields of a record, weights of holders, size of a pool), so
that no path of deletion, the sweep included, can forget it.
"""

APPLICATION_ID = 0x47_57_53_54  # "GWST": another program's database is refused, never altered
VERSION = 2

_NOTICES = (
    # AUTOINCREMENT: a number is never used again, so that whoever looks late sees that rows have gone meanwhile.
    """CREATE TABLE notice (seq INTEGER PRIMARY KEY AUTOINCREMENT, origin TEXT NOT NULL, about TEXT NOT NULL,
       name TEXT NOT NULL, at REAL NOT NULL, exp REAL NOT NULL)""",
    "CREATE INDEX notice_exp ON notice (exp)",
)

_LISTED = (
    """CREATE TABLE listed (idx TEXT, member TEXT, exp REAL NOT NULL, PRIMARY KEY (idx, member))
       WITHOUT ROWID""",
    "CREATE INDEX listed_line ON listed (idx, exp)",
    "CREATE INDEX listed_exp ON listed (exp)",
)

# What a version 1 lists is attempts of the last ten minutes, which work without their list.
UPGRADES = {1: (*_NOTICES, "DROP TABLE listed", *_LISTED, "PRAGMA user_version = 2")}
"""What turns a file of an earlier version into one of the next."""

SCHEMA = (
    "CREATE TABLE kv (k TEXT PRIMARY KEY, v BLOB NOT NULL, exp REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX kv_exp ON kv (exp)",
    "CREATE TABLE record (k TEXT PRIMARY KEY, ver INTEGER NOT NULL, exp REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX record_exp ON record (exp)",
    "CREATE TABLE field (k TEXT, f TEXT, v BLOB NOT NULL, PRIMARY KEY (k, f)) WITHOUT ROWID",
    "CREATE TRIGGER record_gone AFTER DELETE ON record BEGIN DELETE FROM field WHERE k = old.k; END",
    "CREATE TABLE bucket (k TEXT PRIMARY KEY, arrival REAL NOT NULL, exp REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX bucket_exp ON bucket (exp)",
    "CREATE TABLE pool (pool TEXT PRIMARY KEY, places INTEGER NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE holder (pool TEXT, holder TEXT, places INTEGER NOT NULL, PRIMARY KEY (pool, holder))
       WITHOUT ROWID""",
    "CREATE INDEX holder_weight ON holder (pool, places)",
    """CREATE TABLE place (pool TEXT, member TEXT, holder TEXT NOT NULL, seq INTEGER NOT NULL, exp REAL NOT NULL,
       PRIMARY KEY (pool, member)) WITHOUT ROWID""",
    "CREATE INDEX place_line ON place (pool, holder, seq)",
    "CREATE INDEX place_exp ON place (exp)",
    """CREATE TRIGGER place_taken AFTER INSERT ON place BEGIN
         INSERT INTO pool VALUES (new.pool, 1, new.seq)
           ON CONFLICT (pool) DO UPDATE SET places = places + 1, seq = new.seq;
         INSERT INTO holder VALUES (new.pool, new.holder, 1)
           ON CONFLICT (pool, holder) DO UPDATE SET places = places + 1;
       END""",
    """CREATE TRIGGER place_free AFTER DELETE ON place BEGIN
         UPDATE pool SET places = places - 1 WHERE pool = old.pool;
         DELETE FROM pool WHERE pool = old.pool AND places = 0;
         UPDATE holder SET places = places - 1 WHERE pool = old.pool AND holder = old.holder;
         DELETE FROM holder WHERE pool = old.pool AND holder = old.holder AND places = 0;
       END""",
    *_LISTED,
    *_NOTICES,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)

SWEEP = (
    "DELETE FROM kv WHERE k IN (SELECT k FROM kv WHERE exp <= ? LIMIT ?)",
    "DELETE FROM record WHERE k IN (SELECT k FROM record WHERE exp <= ? LIMIT ?)",
    "DELETE FROM bucket WHERE k IN (SELECT k FROM bucket WHERE exp <= ? LIMIT ?)",
    """DELETE FROM place WHERE (pool, member) IN
       (SELECT pool, member FROM place WHERE exp <= ? LIMIT ?)""",
    """DELETE FROM listed WHERE (idx, member) IN
       (SELECT idx, member FROM listed WHERE exp <= ? LIMIT ?)""",
    "DELETE FROM notice WHERE seq IN (SELECT seq FROM notice WHERE exp <= ? LIMIT ?)",
)

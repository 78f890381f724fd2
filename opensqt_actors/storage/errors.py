"""What storage refuses, each with a stable code and one sentence without passwords."""

from __future__ import annotations

from opensqt_actors.domain.errors import OpenSqtError


class StorageError(OpenSqtError):
    """Anything that is wrong with the database or the journal."""

    code = "storage"


class BadDatabaseUrl(StorageError):
    """The URL names no database that can be used. Fatal: the configuration is wrong."""

    code = "database_url"


class DatabaseUnreachable(StorageError):
    """No connection, or a file that cannot be opened. At start fatal, later deferred and tried again."""

    code = "database_unreachable"


class DatabaseNotWritable(StorageError):
    """The database can be opened, but not written."""

    code = "database_not_writable"


class DatabaseBusy(StorageError):
    """Somebody else held the database's lock for too long."""

    code = "database_busy"


class DatabaseDamaged(StorageError):
    """The file is no SQLite database, or a damaged one."""

    code = "database_damaged"


class SchemaMismatch(StorageError):
    """The schema is newer than this program, or was never made."""

    code = "database_schema"


class JournalFull(StorageError):
    """The journal holds as many unwritten entries as it may. Nothing of the refused call was taken."""

    code = "journal_full"


class JournalClosed(StorageError):
    """The journal has been closed. Nothing of the refused call was taken."""

    code = "journal_closed"


class BadEntry(StorageError):
    """An entry that no database could take, e.g. a number over 64 bits."""

    code = "journal_bad_entry"

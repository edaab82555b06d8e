"""Every error SHARE raises on purpose, in one tree.

    ShareError                      exit code 1: the work failed
    ├── UsageError                  exit code 2: the call is wrong; the message names the mend
    │   ├── SettingsError           a settings or models file that cannot be used
    │   ├── CaseError               a case that lacks a field or has one of the wrong kind
    │   ├── BenchmarkError          a benchmark file that is not what its flag says
    │   ├── RunFolderError          a run folder that cannot be written, read or resumed
    │   ├── PromptError             a prompt that is missing or does not fit its declared variables
    │   └── AssistantClosed         a closed assistant is asked
    ├── SqlError                    a text that is no usable SQL
    │   ├── SqlEmpty                nothing in it but space, prose or comments
    │   ├── SqlUnreadable           it cannot be parsed
    │   │   └── SqlTooLarge         longer or nested deeper than is worked on
    │   └── SqlNotSelect            it is more than one statement, or does something other than read
    ├── TrajectoryError
    │   ├── TrajectoryUnreadable    a model's answer with no trajectory in it
    │   └── CompileError            a trajectory that cannot be compiled to SQL
    │       └── JoinPathError       tables without a join path, or with several equally short ones
    ├── SchemaError                 a schema that is missing, empty or contradicts itself
    ├── DatabaseError
    │   ├── DatabaseMissing         no such database
    │   ├── DatabaseUnreadable      locked, corrupt or of an unknown kind
    │   └── QueryError              a query the database refused or that failed in it
    │       ├── QueryRefused        it would write, attach or reach outside the database
    │       ├── QueryTimeout        it outlived its deadline and was stopped
    │       └── QueryTooLarge       its result is larger than the cap
    ├── WorkExceeded                a case took more processor time, or time, than it may have
    ├── ServiceBusy                 a service that has as much to do as it may
    ├── RunStopped                  a run that models did not answer ended early
    ├── ModelError
    │   ├── ModelUnavailable        no answer after the retries (5xx, a process that ended)
    │   │   ├── ModelUnreachable    no connection: nobody listens, no such host, broken off
    │   │   ├── ModelLimited        429: more requests than the server takes
    │   │   └── ModelTimeout        nothing came in time
    │   ├── ModelRefused            401, 403, 404 and other answers that a retry cannot mend
    │   │   └── PromptTooLong       more than this model can take
    │   ├── AnswerUnreadable        an answer that is not the API's: HTML, broken JSON, no choices
    │   ├── AnswerEmpty             an answer without text
    │   ├── AnswerUnusable          text in which a stage finds nothing that it asked for
    │   ├── BudgetUsedUp            what the case, or the run, may spend is spent
    │   ├── ModelUnknown            no model is set for a role that a stage asks for
    │   └── AnswerMissing           a recorded run holds no answer for this stage and case
    │       └── AnswerSkipped       the recorded run had none either: its stage was left out
    └── TrainingError               the training environment cannot be created, or a training failed

A message is one line, written for the person who must act on it: what was wrong, with the name or
value at fault, and what to do. Nothing here is ever shown with a traceback by the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType


class ShareError(Exception):
    """Root of all errors that SHARE raises on purpose."""

    exit_code = 1


class UsageError(ShareError):
    """The caller can mend this: a wrong flag, file or value."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings or models file cannot be read, or names something unknown."""


class CaseError(UsageError):
    """A case lacks a field, or a field is of the wrong kind."""


class BenchmarkError(UsageError):
    """A benchmark's file is missing or is not of the expected kind."""


class RunFolderError(UsageError):
    """A run folder cannot be written, read or resumed."""


class PromptError(UsageError):
    """A prompt is missing, or its text does not fit its declared variables."""


class AssistantClosed(UsageError):
    """An assistant was asked after it was closed."""


class SqlError(ShareError):
    """A text cannot be used as SQL."""


class SqlEmpty(SqlError):
    """There is no SQL in the text."""


class SqlUnreadable(SqlError):
    """The SQL cannot be parsed."""


class SqlTooLarge(SqlUnreadable):
    """The SQL is longer, or nested deeper, than is worked on. It may well run."""


class SqlNotSelect(SqlError):
    """The SQL is more than one statement, or does something other than read."""


class TrajectoryError(ShareError):
    """A trajectory cannot be read or used."""


class TrajectoryUnreadable(TrajectoryError):
    """A model's answer holds no trajectory at all."""


class CompileError(TrajectoryError):
    """This trajectory cannot be compiled to SQL over this schema."""


class JoinPathError(CompileError):
    """The tables used have no join path, or several equally short ones; the message names them."""


class SchemaError(ShareError):
    """A schema is missing, empty or contradicts itself."""


class DatabaseError(ShareError):
    """A database cannot be used, or a query failed in it."""


class DatabaseMissing(DatabaseError):
    """There is no database of this name, path or URL."""


class DatabaseUnreadable(DatabaseError):
    """The database is there but locked, corrupt or of an unknown kind."""


class QueryError(DatabaseError):
    """The database refused the query, or it failed while running."""


class QueryRefused(QueryError):
    """The query would write, attach, load code or reach outside the database."""


class QueryTimeout(QueryError):
    """The query outlived its deadline and was stopped."""


class QueryTooLarge(QueryError):
    """A row, or the result as a whole, is larger than the cap on bytes."""


class ModelError(ShareError):
    """A model gave no usable answer."""

    cause = "failed"
    """One word for the class, as run folders and JSON have it."""
    loses = True
    """The case did without an answer that it should have had: it is counted as failed, and asked again by
    `--resume`. False where asking again gives the same."""
    spent: Mapping[str, int] = MappingProxyType({})
    """Tokens and requests that went into answers of no use, by the names of `models.base.Usage`."""


class ModelUnavailable(ModelError):
    """No answer after the retries: 5xx, or the model's process ended."""

    cause = "unavailable"


class ModelUnreachable(ModelUnavailable):
    """No connection after the retries: nobody listens, there is no such host, or it was broken off."""

    cause = "unreachable"


class ModelLimited(ModelUnavailable):
    """The server limits requests (429), and goes on doing so after the retries."""

    cause = "limited"


class ModelTimeout(ModelUnavailable):
    """Nothing came in time, after the retries."""

    cause = "timeout"


class ModelRefused(ModelError):
    """The server answered with something a retry cannot mend: 401, 403, 404, a bad request."""

    cause = "refused"


class PromptTooLong(ModelRefused):
    """The prompt is longer than the model can take: so it would be the next time."""

    cause = "too-long"
    loses = False


class AnswerUnreadable(ModelError):
    """What came is not what the API sends: HTML, broken JSON, no choices."""

    cause = "unreadable"


class AnswerEmpty(ModelError):
    """An answer without text."""

    cause = "empty"


class AnswerUnusable(ModelError):
    """Text in which a stage finds nothing of what it asked for: no trajectory, no SQL, no yes or no."""

    cause = "unusable"
    loses = False


class BudgetUsedUp(ModelError):
    """A model was not asked: the tokens, money or seconds that the case, or the run, may take are used up.
    A larger budget gives an answer."""

    cause = "budget"


class ModelUnknown(ModelError):
    """A stage asked for a role that no model is set for."""

    cause = "unknown"


class AnswerMissing(ModelError):
    """A recorded run holds no answer for this stage and case."""

    cause = "missing"


class AnswerSkipped(AnswerMissing):
    """A recorded run had no answer for this stage and case either: a replay does as it did."""

    cause = "skipped"
    loses = False


class WorkExceeded(ShareError):
    """A case took more processor time than its own work may have, or more time in all; its stage was
    stopped."""


class ServiceBusy(ShareError):
    """A service has as much under way and waiting as it may have; ask again."""


class RunStopped(ShareError):
    """A run ended early: models failed alike, case after case. What was not tried is left for `--resume`.

    Args:
        message: as of all errors.
        tried: cases that are done or failed.
        failed: id, error and cause of each case that failed in this run.
    """

    def __init__(self, message: str, tried: int = 0, failed: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.tried = tried
        self.failed = tuple(failed)


class TrainingError(ShareError):
    """The training environment cannot be created, or a training ended with an error."""

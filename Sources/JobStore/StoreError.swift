internal import GRDB
package import Jobs

/// What can go wrong with the store.
package enum StoreError: Error, Equatable, Sendable {
  /// Another daemon has the data folder. `processID`: what it wrote into the lock file.
  case folderInUse(processID: Int32?)
  /// A newer version of this program has written the database.
  case newerDatabase(found: Int, known: Int)
  /// The file is something else than this program's database.
  case foreignDatabase(String)
  /// The file's content breaks SQLite's rules. A backup is needed, or `.recover`.
  case damaged(String)
  /// There is no job, model or set of traces with this identifier.
  case notFound(String)
  /// The job is in a state in which this cannot be asked for.
  case illegal(JobID, IllegalTransition)
  /// Only a final job can be deleted.
  case notFinal(JobID, JobState.Name)
  /// The job comes after another one (`by`), whose state rules out that it ever runs.
  case blocked(JobID, by: JobID, JobState.Name)
  /// The key came before, with another body.
  case idempotencyConflict(key: String)
  /// A job is to come after one that does not exist.
  case unknownDependency(JobID)
  /// A job with this identifier exists.
  case duplicateJob(JobID)
  /// The worker of this attempt was replaced, or its job ended without it.
  case superseded(JobID, attempt: Int)
  /// A row breaks a CHECK, UNIQUE or FOREIGN KEY: a bug in this program.
  case constraintViolated(String)
  /// Another program holds the database's write lock. Safe to try again.
  case busy
  /// No room is left for the database. Nothing was written.
  case diskFull
  /// The disk or the file failed, or the store is closed.
  case unavailable(String)

  /// Whether the transaction around the failed statement cannot go on.
  var endsTransaction: Bool {
    switch self {
    case .diskFull, .busy, .unavailable, .damaged, .foreignDatabase: true
    case .folderInUse, .newerDatabase, .notFound, .illegal, .notFinal, .blocked,
      .idempotencyConflict, .unknownDependency, .duplicateJob, .superseded, .constraintViolated:
      false
    }
  }

  /// Whether nothing may be written after it. A full disk SQLite notices before it overwrites
  /// anything, and a lock before it reads.
  var isFinal: Bool {
    endsTransaction && self != .diskFull && self != .busy
  }

  /// The one place where GRDB's errors become ours.
  init(_ error: any Error) {
    switch error {
    case let error as StoreError:
      self = error
    case let error as DatabaseError:
      // SQLite's message names tables and columns; values are never part of it.
      let message = error.message ?? "error \(error.extendedResultCode.rawValue)"
      switch error.resultCode {
      case .SQLITE_CONSTRAINT: self = .constraintViolated(message)
      case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy
      case .SQLITE_FULL: self = .diskFull
      case .SQLITE_CORRUPT: self = .damaged(message)
      case .SQLITE_NOTADB: self = .foreignDatabase(message)
      default: self = .unavailable(message)
      }
    default:
      self = .unavailable("\(error)")
    }
  }
}

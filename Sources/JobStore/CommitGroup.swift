internal import Dispatch
internal import GRDB
internal import Jobs
internal import Synchronization

/// What one piece of work sees of the transaction that it is part of.
final class Transaction {
  let database: Database
  /// The same for all of the group.
  let now: Timestamp
  /// Told to the observers after the commit.
  var changes: [JobChange] = []

  init(database: Database, now: Timestamp) {
    self.database = database
    self.now = now
  }

  /// Runs a statement of `Query` that returns no rows.
  ///
  /// - Returns: the number of rows that it changed.
  @discardableResult
  func run(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
    try database.cachedStatement(sql: sql).execute(arguments: arguments)
    return database.changesCount
  }
}

/// The only writer of the database.
///
/// An fsync costs milliseconds and a row microseconds. So work is taken from many threads, and all
/// that is waiting when a transaction begins goes into it: the more load, the larger the groups.
/// Each piece is a savepoint, so that one that throws takes back only its own rows. What a piece
/// returns is handed over after the commit, never before.
final class CommitGroup: Sendable {
  /// Hears of the commit: nil, or why there was none.
  private typealias Completion = @Sendable (StoreError?) -> Void

  /// One piece of work.
  private struct Piece: Sendable {
    /// Does it. Throws what ends the whole transaction; an error of its own goes to the completion.
    let run: @Sendable (Transaction) throws(StoreError) -> Completion
    /// Tells the submitter that it was not even begun.
    let refuse: @Sendable (StoreError) -> Void
  }

  private struct State {
    var waiting: [Piece] = []
    var isRunning = false
    /// Why nothing is written any more; nil while all is well.
    var refusal: StoreError?
    var observers: [(id: ObserverID, call: @Sendable ([JobChange]) -> Void)] = []
    var lastObserver = 0
  }

  /// Bounds how long the first of a group waits for the last.
  private static let groupSizeMax = 512

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "bitnet.store.commit", qos: .userInitiated)
  private let pool: DatabasePool
  private let clock: @Sendable () -> Timestamp

  init(pool: DatabasePool, clock: @escaping @Sendable () -> Timestamp) {
    self.pool = pool
    self.clock = clock
  }

  /// Hands over a piece of work.
  ///
  /// - Parameters:
  ///   - body: called once, on the writer's thread.
  ///   - completion: called once, after the commit, on the writer's thread.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value,
    completion: @escaping @Sendable (Result<Value, StoreError>) -> Void
  ) {
    let piece = Piece(
      run: { transaction throws(StoreError) in
        let result = try Self.inSavepoint(transaction, body)
        return { commitError in completion(commitError.map { .failure($0) } ?? result) }
      },
      refuse: { error in completion(.failure(error)) })
    let (refusal, mustStart) = state.withLock { state -> (StoreError?, Bool) in
      if let refusal = state.refusal { return (refusal, false) }
      state.waiting.append(piece)
      defer { state.isRunning = true }
      return (nil, !state.isRunning)
    }
    if let refusal { completion(.failure(refusal)) }
    if mustStart { queue.async { self.writeGroups() } }
  }

  /// Hands over a piece of work and waits for its commit.
  @discardableResult
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (Transaction) throws -> Value
  ) throws(StoreError) -> Value {
    let done = DispatchSemaphore(value: 0)
    let box = ResultBox<Value>()
    perform(body) { result in
      box.result.withLock { $0 = result }
      done.signal()
    }
    done.wait()
    guard let result = box.result.withLock({ $0 }) else {
      preconditionFailure("a piece of work ended without a result")
    }
    return try result.get()
  }

  private final class ResultBox<Value: Sendable>: Sendable {
    let result = Mutex<Result<Value, StoreError>?>(nil)
  }

  /// Calls `observer` after each commit that changed jobs, on the writer's thread.
  func observe(_ observer: @escaping @Sendable ([JobChange]) -> Void) -> ObserverID {
    state.withLock { state in
      state.lastObserver += 1
      let id = ObserverID(number: state.lastObserver)
      state.observers.append((id, observer))
      return id
    }
  }

  func removeObserver(_ id: ObserverID) {
    state.withLock { $0.observers.removeAll { $0.id == id } }
  }

  /// Commits what is waiting, then refuses everything.
  func close() {
    state.withLock { state in
      if state.refusal == nil { state.refusal = .unavailable("the store is closed") }
    }
    queue.sync {}
  }

  private func writeGroups() {
    while true {
      let group = state.withLock { state -> [Piece] in
        let group = Array(state.waiting.prefix(Self.groupSizeMax))
        state.waiting.removeFirst(group.count)
        state.isRunning = !group.isEmpty
        return group
      }
      if group.isEmpty { return }
      write(group)
    }
  }

  private func write(_ group: [Piece]) {
    var completions: [Completion] = []
    var changes: [JobChange] = []
    do {
      try pool.writeWithoutTransaction { database in
        try database.inTransaction(.immediate) {
          let transaction = Transaction(database: database, now: clock())
          for piece in group { completions.append(try piece.run(transaction)) }
          changes = transaction.changes
          return .commit
        }
      }
    } catch {
      let error = StoreError(error)
      for completion in completions { completion(error) }
      for piece in group.dropFirst(completions.count) { piece.refuse(error) }
      if error.isFinal { stop(because: error) }
      return
    }
    if !changes.isEmpty {
      for observer in state.withLock({ $0.observers }) { observer.call(changes) }
    }
    for completion in completions { completion(nil) }
  }

  /// Writes nothing any more.
  ///
  /// After a failed write or fsync nobody knows what is on the disk, and the kernel may report
  /// success the next time. The next start reads what is really there.
  private func stop(because error: StoreError) {
    let waiting = state.withLock { state in
      state.refusal = error
      defer { state.waiting = [] }
      return state.waiting
    }
    for piece in waiting { piece.refuse(error) }
  }

  private static func inSavepoint<Value: Sendable>(
    _ transaction: Transaction, _ body: (Transaction) throws -> Value
  ) throws(StoreError) -> Result<Value, StoreError> {
    let changeCount = transaction.changes.count
    do {
      try transaction.run(Query.savepoint)
      let value = try body(transaction)
      try transaction.run(Query.release)
      return .success(value)
    } catch {
      let error = StoreError(error)
      if error.endsTransaction { throw error }
      do {
        try transaction.run(Query.rollbackToSavepoint)
        try transaction.run(Query.release)
      } catch {
        throw StoreError(error)
      }
      transaction.changes.removeSubrange(changeCount...)
      return .failure(error)
    }
  }
}

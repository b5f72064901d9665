/// Which prompt is asked next: first those that are to be asked again, when it is time, then fresh ones
/// in their order.
struct PromptQueue {
  private let count: Int
  /// The first prompt that was not looked at yet.
  private var next = 0
  private var later: [(due: Double, id: Int)] = []

  init(count: Int) { self.count = count }

  /// When the next one that waits is due; nil when none waits.
  var nextDue: Double? { later.map(\.due).min() }

  /// Puts a prompt back.
  mutating func askAgain(_ id: Int, at due: Double) { later.append((due, id)) }

  /// The prompt to ask now; nil when none is due. It stays where it is until it is `taken`.
  mutating func candidate(at now: Double, isDone: (Int) -> Bool) -> Int? {
    if let due = later.min(by: { $0.due < $1.due }), due.due <= now { return due.id }
    while next < count, isDone(next) { next += 1 }
    return next < count ? next : nil
  }

  /// Takes the candidate out.
  mutating func taken(_ id: Int) {
    if let index = later.firstIndex(where: { $0.id == id }) {
      later.remove(at: index)
    } else {
      next = id + 1
    }
  }
}

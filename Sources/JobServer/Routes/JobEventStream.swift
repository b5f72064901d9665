// Server-sent events of one job (API, "Conventions").
//
// Events are rows: a stream is a position in them. A pull reads what lies behind the position;
// the watchers' signal only says that there is something to pull. So nothing is lost when nobody
// listens, and Last-Event-ID, which is a position, resumes without loss or repetition.

internal import HTTPServer
internal import JobStore
internal import Jobs
internal import Synchronization

/// Pages of events, encoded, shared by the streams that stand at the same place.
///
/// A job's events are only ever added to, so a page that holds any stays right for ever. Jobs are
/// deleted, but their ids never come again.
final class EventPages: Sendable {
  /// Some events of a job, one after the other.
  struct Page: Sendable {
    let bytes: [UInt8]
    /// Number of the last one.
    let last: Int64
  }

  private struct Place: Hashable {
    let id: JobID
    let after: Int64
  }

  /// Events of one page; with metrics of a hundred series, about a hundred kilobytes.
  private static let eventCountMax = 100
  private static let pageCountMax = 256

  private let store: JobStore
  private let pages = Mutex<[Place: Page]>([:])

  init(store: JobStore) {
    self.store = store
  }

  /// The events after number `after`; nil when there are none yet.
  func page(of id: JobID, after: Int64) throws(StoreError) -> Page? {
    let place = Place(id: id, after: after)
    if let page = pages.withLock({ $0[place] }) { return page }
    let events = try store.events(of: id, after: after, limit: Self.eventCountMax)
    guard let last = events.last else { return nil }
    var bytes: [UInt8] = []
    for event in events { event.write(to: &bytes) }
    let page = Page(bytes: bytes, last: last.sequence)
    pages.withLock { pages in
      if pages.count >= Self.pageCountMax { pages.removeAll() }
      pages[place] = page
    }
    return page
  }
}

extension JobEvent {
  /// Appends the event in the format of server-sent events.
  fileprivate func write(to bytes: inout [UInt8]) {
    var data = data
    if case .object(var object) = data, object["time"] == nil {
      object["time"] = .string(time.rfc3339)
      data = .object(object)
    }
    bytes += "id: \(sequence)\nevent: \(type.rawValue)\ndata: ".utf8
    // Compact JSON holds no line break.
    data.write(to: &bytes)
    bytes += "\n\n".utf8
  }
}

/// Number of the last event that a stream has handed over.
private final class StreamPosition: Sendable {
  private let number: Atomic<Int64>

  init(_ number: Int64) {
    self.number = Atomic(number)
  }

  var last: Int64 {
    get { number.load(ordering: .acquiring) }
    set { number.store(newValue, ordering: .releasing) }
  }
}

/// Makes the event streams of clients.
struct JobEventStream: Sendable {
  let pages: EventPages
  let cache: JobCache
  let watchers: JobWatchers

  /// A stream of the events after number `after`, which ends with the job.
  func stream(of id: JobID, after: Int64) -> HTTPStream {
    let number = watchers.nextNumber()
    let position = StreamPosition(after)
    let stream = HTTPStream(
      onClose: { [watchers] in watchers.forget(number, of: id) },
      next: { [pages, cache] _ in
        do {
          // Before the events: one that comes in between is then still found.
          let isFinal = try cache.entry(id).isFinal
          guard let page = try pages.page(of: id, after: position.last) else {
            return isFinal ? .end : .wait
          }
          position.last = page.last
          return .data(page.bytes)
        } catch {
          // The job was deleted, or the database is gone: the client asks again and hears why.
          return .end
        }
      })
    watchers.add(stream, number: number, for: id)
    return stream
  }
}

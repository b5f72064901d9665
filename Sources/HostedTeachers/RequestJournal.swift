// What was asked, paid for and stored, in the order in which it happened.
//
// One folder of files `journal_000000.log`, …, appended to by one process at a time. A record is a
// line of JSON, and after it as many bytes as its `bytes` says:
//
//   {"event":"begun","corpus":…}            what is collected here; the first record of a file
//   {"event":"carried","requests":…}        sums and the poison list of the files that are gone
//   {"event":"sent","id":7}                 before a request leaves: it may be paid for from here on
//   {"event":"failed","id":7,"reason":…}    nothing of it can be stored
//   {"event":"stored","id":7,"bytes":…}     the capture follows; it is never asked for again
//   {"event":"poison","id":7,"reason":…}    it was given up
//
// A record is handed to the kernel before anything follows from it, so that a killed process loses
// none. It is flushed to the disk once a second at the latest, and before a shard takes its place:
// a power failure costs at most that second's replies. A file ends where a record is incomplete or
// its sum is wrong; the next run begins a new one. Once all captures of a file are in shards, it is
// removed, after its sums were carried over.

internal import Checkpoints
package import Foundation
internal import Tokenization
package import Traces

/// The journal of one collection.
package final class RequestJournal {
  /// What the files of earlier runs say.
  package struct Past: Equatable, Sendable {
    package var spend = HostedSpend()
    /// Requests that failed so far, by prompt; prompts without are not in it.
    package var failures: [Int64: Int] = [:]
    /// Why prompts were given up.
    package var poison: [Int64: String] = [:]
    /// Requests that were sent and of whose end nothing is known: a run was killed. They may have
    /// been paid for.
    package var unanswered: Set<Int64> = []

    package init() {}
  }

  /// Where a stored capture lies.
  private struct Place {
    let file: Int
    let offset: Int
    let count: Int
  }

  private let folder: URL
  private let corpus: String
  private var file: DurableFile
  private var fileIndex: Int
  private var places: [Int64: Place] = [:]
  private var isFlushed = true
  /// Up to now, earlier runs included.
  package private(set) var past: Past

  /// Reads what earlier runs left in `folder`, which must exist, and begins a new file.
  ///
  /// - Parameter corpus: SHA-256 of what is asked.
  /// - Throws: `.otherCollection` when the folder's journal is of another one.
  package init(folder: URL, corpus: String) throws(HostedTeacherError) {
    self.folder = folder
    self.corpus = corpus
    var past = Past()
    var places: [Int64: Place] = [:]
    let files = try Self.files(in: folder)
    for index in files {
      try Self.read(index, in: folder, corpus: corpus, into: &past, places: &places)
    }
    self.past = past
    self.places = places
    fileIndex = (files.last ?? -1) + 1
    do throws(FileError) {
      file = try DurableFile(creating: Self.url(fileIndex, in: folder).path)
      try DurableFile.syncFolder(folder.path)
    } catch {
      throw HostedTeacherError(error)
    }
    try begin()
  }

  /// Prompts whose captures are in the journal.
  package var stored: Set<Int64> { Set(places.keys) }

  /// Bytes of this file so far.
  package var fileBytes: Int { file.byteCount }

  // MARK: - Writing

  /// Notes requests that are about to leave.
  package func sent(_ ids: [Int64]) throws(HostedTeacherError) {
    guard !ids.isEmpty else { return }
    past.spend.requests += ids.count
    past.unanswered.formUnion(ids)
    try append(ids.map { "{\"event\":\"sent\",\"id\":\($0)}\n" }.joined())
  }

  /// Notes a request that brought nothing, and what its reply billed all the same.
  package func failed(
    _ id: Int64, _ reason: String, billed: HostedSpend = HostedSpend()
  ) throws(HostedTeacherError) {
    past.failures[id, default: 0] += 1
    past.unanswered.remove(id)
    past.spend = past.spend + billed
    try append(
      "{\"event\":\"failed\",\"id\":\(id),\"prompt_tokens\":\(billed.promptTokens),"
        + "\"completion_tokens\":\(billed.completionTokens),\"reason\":\(Self.quoted(reason))}\n")
  }

  /// Stores a capture.
  package func store(_ capture: Capture) throws(HostedTeacherError) {
    let payload = CaptureBytes.encode(capture)
    let sum = ChecksumList.digest(of: Data(payload))
    let billed = Self.billed(capture)
    let line =
      "{\"event\":\"stored\",\"id\":\(capture.id),\"prompt_tokens\":\(billed.promptTokens),"
      + "\"completion_tokens\":\(billed.completionTokens),\"sha256\":\"\(sum)\","
      + "\"bytes\":\(payload.count)}\n"
    let offset = file.byteCount + line.utf8.count
    // In one piece: a torn record is found, but two calls are dearer than one.
    try append(Array(line.utf8) + payload)
    places[capture.id] = Place(file: fileIndex, offset: offset, count: payload.count)
    past.unanswered.remove(capture.id)
    past.failures[capture.id] = nil
    past.spend = past.spend + billed
  }

  /// Gives a prompt up.
  package func poison(_ id: Int64, _ reason: String) throws(HostedTeacherError) {
    past.poison[id] = reason
    past.failures[id] = nil
    try append("{\"event\":\"poison\",\"id\":\(id),\"reason\":\(Self.quoted(reason))}\n")
  }

  /// Waits until all that was noted is on the disk.
  package func flush() throws(HostedTeacherError) {
    guard !isFlushed else { return }
    do throws(FileError) { try file.sync() } catch { throw HostedTeacherError(error) }
    isFlushed = true
  }

  // MARK: - Captures

  /// A stored capture.
  package func capture(_ id: Int64) throws(HostedTeacherError) -> Capture {
    guard let place = places[id] else { preconditionFailure("\(id) is not in the journal") }
    let url = Self.url(place.file, in: folder)
    do {
      let handle = try FileHandle(forReadingFrom: url)
      try handle.seek(toOffset: UInt64(place.offset))
      let data = try handle.read(upToCount: place.count) ?? Data()
      if data.count == place.count, let capture = data.withUnsafeBytes({ CaptureBytes.decode($0) })
      {
        return capture
      }
    } catch {
      throw .storage("\(url.path) cannot be read: \(error.localizedDescription)")
    }
    throw .storage("\(url.path) is damaged: the capture of prompt \(id) cannot be read")
  }

  /// Forgets captures that a shard holds now, begins a new file, and removes those that nothing is
  /// left in.
  package func forget(_ ids: some Sequence<Int64>) throws(HostedTeacherError) {
    for id in ids { places[id] = nil }
    try flush()
    do throws(FileError) {
      file = try DurableFile(creating: Self.url(fileIndex + 1, in: folder).path)
    } catch {
      throw HostedTeacherError(error)
    }
    fileIndex += 1
    try begin()
    try flush()
    let needed = Set(places.values.map(\.file))
    let removable = try Self.files(in: folder).filter { $0 < fileIndex && !needed.contains($0) }
    do throws(FileError) {
      // The new file's name first: the sums must not be gone.
      try DurableFile.syncFolder(folder.path)
      for index in removable { try DurableFile.remove(Self.url(index, in: folder).path) }
    } catch {
      throw HostedTeacherError(error)
    }
  }

  // MARK: - Records

  private func append(_ text: String) throws(HostedTeacherError) { try append(Array(text.utf8)) }

  private func append(_ bytes: [UInt8]) throws(HostedTeacherError) {
    isFlushed = false
    do throws(FileError) { try file.write(bytes) } catch { throw HostedTeacherError(error) }
  }

  /// The first records of a file: what it is about, and all that earlier files say but captures.
  private func begin() throws(HostedTeacherError) {
    var text = "{\"event\":\"begun\",\"corpus\":\(Self.quoted(corpus))}\n"
    text +=
      "{\"event\":\"carried\",\"requests\":\(past.spend.requests),"
      + "\"prompt_tokens\":\(past.spend.promptTokens),"
      + "\"completion_tokens\":\(past.spend.completionTokens)}\n"
    for (id, reason) in past.poison.sorted(by: { $0.key < $1.key }) {
      text += "{\"event\":\"poison\",\"id\":\(id),\"reason\":\(Self.quoted(reason))}\n"
    }
    for (id, count) in past.failures.sorted(by: { $0.key < $1.key }) {
      text += "{\"event\":\"carried_failures\",\"id\":\(id),\"count\":\(count)}\n"
    }
    for id in past.unanswered.sorted() {
      text += "{\"event\":\"carried_unanswered\",\"id\":\(id)}\n"
    }
    try append(text)
  }

  private static func billed(_ capture: Capture) -> HostedSpend {
    var spend = HostedSpend()
    spend.promptTokens = capture.promptTokens ?? 0
    spend.completionTokens =
      capture.completionTokens ?? (capture.tokens.count - capture.tokens.promptCount)
    return spend
  }

  private static func quoted(_ text: String) -> String { JSONText.quoted(text) }

  // MARK: - Files

  private static func url(_ index: Int, in folder: URL) -> URL {
    let digits = String(index)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    return folder.appendingPathComponent("journal_\(zeros)\(digits).log")
  }

  private static func files(in folder: URL) throws(HostedTeacherError) -> [Int] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw .storage("\(folder.path) cannot be read: \(error.localizedDescription)")
    }
    return names.filter { $0.hasPrefix("journal_") && $0.hasSuffix(".log") }
      .compactMap { Int($0.dropFirst(8).dropLast(4)) }.sorted()
  }

  /// Reads a file up to its end, or to the record that a crash cut.
  private static func read(
    _ index: Int, in folder: URL, corpus: String, into past: inout Past,
    places: inout [Int64: Place]
  ) throws(HostedTeacherError) {
    let mapped: MappedFile
    do throws(FileError) {
      mapped = try MappedFile(path: url(index, in: folder).path)
    } catch {
      throw HostedTeacherError(error)
    }
    defer { withExtendedLifetime(mapped) {} }
    var position = 0
    while let end = mapped.bytes[position...].firstIndex(of: UInt8(ascii: "\n")) {
      guard let record = JournalRecord(Array(mapped.bytes[position..<end])) else { return }
      let payload = (end + 1)..<(end + 1 + record.bytes)
      guard payload.upperBound <= mapped.bytes.count else { return }
      if record.event == "stored" {
        let bytes = UnsafeRawBufferPointer(rebasing: mapped.bytes[payload])
        guard ChecksumList.digest(of: bytes) == record.sha256 else { return }
        places[record.id] = Place(file: index, offset: payload.lowerBound, count: payload.count)
      }
      if record.event == "begun", record.corpus != corpus {
        throw .otherCollection(
          "\(folder.path) holds answers to other prompts, or to other questions about them")
      }
      past.apply(record)
      position = payload.upperBound
    }
  }
}

extension RequestJournal.Past {
  fileprivate mutating func apply(_ record: JournalRecord) {
    let id = record.id
    switch record.event {
    case "begun":
      // What follows carries everything of the files before.
      self = RequestJournal.Past()
    case "carried":
      spend.requests = record.requests
      spend.promptTokens = record.promptTokens
      spend.completionTokens = record.completionTokens
    case "carried_failures": failures[id] = record.count
    case "carried_unanswered": unanswered.insert(id)
    case "sent":
      spend.requests += 1
      unanswered.insert(id)
    case "failed":
      failures[id, default: 0] += 1
      unanswered.remove(id)
      spend.promptTokens += record.promptTokens
      spend.completionTokens += record.completionTokens
    case "stored":
      failures[id] = nil
      unanswered.remove(id)
      spend.promptTokens += record.promptTokens
      spend.completionTokens += record.completionTokens
    case "poison":
      failures[id] = nil
      poison[id] = record.reason
    default: break
    }
  }
}

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
  private struct Place: Sendable {
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

  /// Whether a prompt's capture is in the journal.
  func isStored(_ id: Int64) -> Bool { places[id] != nil }

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
    try store(JournalEntry(capture))
  }

  /// Stores a capture that was written out elsewhere.
  func store(_ entry: JournalEntry) throws(HostedTeacherError) {
    let end = file.byteCount + entry.record.count
    // In one piece: a torn record is found, but two calls are dearer than one.
    try append(entry.record)
    places[entry.id] = Place(
      file: fileIndex, offset: end - entry.captureBytes, count: entry.captureBytes)
    past.unanswered.remove(entry.id)
    past.failures[entry.id] = nil
    past.spend = past.spend + entry.billed
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

  /// The same as work for another thread; nil when all is on the disk. The journal counts as flushed
  /// from now on: whoever takes the work must end the collection when it fails.
  func flushing() -> (@Sendable () throws(HostedTeacherError) -> Void)? {
    guard !isFlushed else { return nil }
    isFlushed = true
    let path = file.path
    return { () throws(HostedTeacherError) in
      do throws(FileError) {
        try DurableFile.sync(existing: path)
      } catch {
        throw HostedTeacherError(error)
      }
    }
  }

  // MARK: - Captures

  /// A stored capture.
  package func capture(_ id: Int64) throws(HostedTeacherError) -> Capture {
    try capturing([id])()[0]
  }

  /// Reads stored captures, as work for another thread: what is stored is not moved before it is
  /// forgotten.
  func capturing(
    _ ids: some Sequence<Int64>
  ) -> @Sendable () throws(HostedTeacherError) -> [Capture] {
    let found = ids.map { id in
      guard let place = places[id] else { preconditionFailure("\(id) is not in the journal") }
      return (id: id, place: place)
    }
    let folder = folder
    return { () throws(HostedTeacherError) in
      var files: [Int: MappedFile] = [:]
      var captures: [Capture] = []
      captures.reserveCapacity(found.count)
      for (id, place) in found {
        let file: MappedFile
        do throws(FileError) {
          if let known = files[place.file] {
            file = known
          } else {
            file = try MappedFile(path: Self.url(place.file, in: folder).path)
            files[place.file] = file
          }
        } catch {
          throw HostedTeacherError(error)
        }
        guard place.offset + place.count <= file.bytes.count,
          let capture = CaptureBytes.decode(
            UnsafeRawBufferPointer(
              rebasing: file.bytes[place.offset..<(place.offset + place.count)]))
        else {
          let path = Self.url(place.file, in: folder).path
          throw .storage("\(path) is damaged: the capture of prompt \(id) cannot be read")
        }
        captures.append(capture)
      }
      return captures
    }
  }

  /// Forgets captures that a shard holds now and begins a new file.
  ///
  /// - Returns: the rest, as work for another thread: it waits until the new file is on the disk, and
  ///   removes those that nothing is left in.
  package func forgetting(
    _ ids: some Sequence<Int64>
  ) throws(HostedTeacherError) -> @Sendable () throws(HostedTeacherError) -> Void {
    for id in ids { places[id] = nil }
    let flushOld = flushing()
    do throws(FileError) {
      file = try DurableFile(creating: Self.url(fileIndex + 1, in: folder).path)
    } catch {
      throw HostedTeacherError(error)
    }
    fileIndex += 1
    try begin()
    let flushNew = flushing()
    let needed = Set(places.values.map(\.file))
    let current = fileIndex
    let folder = folder
    return { () throws(HostedTeacherError) in
      try flushOld?()
      try flushNew?()
      let removable = try Self.files(in: folder).filter { $0 < current && !needed.contains($0) }
      do throws(FileError) {
        // The new file's name first: the sums must not be gone.
        try DurableFile.syncFolder(folder.path)
        for index in removable { try DurableFile.remove(Self.url(index, in: folder).path) }
      } catch {
        throw HostedTeacherError(error)
      }
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

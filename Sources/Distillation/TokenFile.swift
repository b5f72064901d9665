// A corpus as tokens on the disk: `<name>.tokens`, all ids one behind the other as little-endian
// UInt16 (or Int32 where the vocabulary needs it), and `<name>.json`, which says what they are. The
// second is written last, so a file without it is not finished and is written anew.

internal import Checkpoints
package import Foundation

/// The tokens of a corpus, mapped into memory.
package struct TokenFile: Sendable {
  /// What `<name>.json` holds.
  package struct Manifest: Codable, Equatable, Sendable {
    /// What was encoded: the corpus and its part, in the words of who asked for it.
    package var source: String
    package var sourceBytes: Int
    /// Of the bytes that were encoded, in their order.
    package var sourceSHA256: String
    package var tokenizerSHA256: String
    package var documents: Int
    package var tokens: Int
    /// 2 or 4.
    package var bytesPerToken: Int
    /// Of the tokens.
    package var tokensSHA256: String
    /// Places where a document was cut although the tokens there may differ from the whole's.
    package var forcedCuts: Int

    enum CodingKeys: String, CodingKey {
      case source, documents, tokens
      case sourceBytes = "source_bytes"
      case sourceSHA256 = "source_sha256"
      case tokenizerSHA256 = "tokenizer_sha256"
      case bytesPerToken = "bytes_per_token"
      case tokensSHA256 = "tokens_sha256"
      case forcedCuts = "forced_cuts"
    }
  }

  package let manifest: Manifest
  private let file: MappedFile

  /// The tokens in `folder`, when they are whole and of that source and tokenizer; nil otherwise.
  ///
  /// Every token is read once, to compare the sum.
  package init?(_ name: String, in folder: URL, source: String, tokenizerSHA256: String) {
    let (tokens, description) = Self.files(name, in: folder)
    guard let data = try? Data(contentsOf: description),
      let manifest = try? JSONDecoder().decode(Manifest.self, from: data),
      manifest.source == source, manifest.tokenizerSHA256 == tokenizerSHA256,
      let file = try? MappedFile(path: tokens.path),
      file.bytes.count == manifest.tokens * manifest.bytesPerToken,
      (try? ChecksumList.digest(ofFile: tokens.path)) == manifest.tokensSHA256
    else { return nil }
    self.manifest = manifest
    self.file = file
  }

  /// - Parameter manifest: of tokens that were just written.
  init(_ name: String, in folder: URL, manifest: Manifest) throws {
    self.manifest = manifest
    file = try MappedFile(path: Self.files(name, in: folder).tokens.path)
  }

  /// Where tokens and manifest of that name lie.
  static func files(_ name: String, in folder: URL) -> (tokens: URL, manifest: URL) {
    (
      folder.appendingPathComponent(name + ".tokens"),
      folder.appendingPathComponent(name + ".json")
    )
  }

  /// How many tokens there are.
  package var count: Int { manifest.tokens }

  /// Some of the tokens.
  package subscript(range: Range<Int>) -> [Int32] {
    precondition(0 <= range.lowerBound && range.upperBound <= count, "tokens 0 ..< \(count)")
    func read<Stored: FixedWidthInteger>(_: Stored.Type) -> [Int32] {
      range.map {
        Int32(
          truncatingIfNeeded: Stored(
            littleEndian: file.bytes.load(
              fromByteOffset: $0 * MemoryLayout<Stored>.size, as: Stored.self)))
      }
    }
    return manifest.bytesPerToken == 2 ? read(UInt16.self) : read(Int32.self)
  }
}

/// A corpus packed into sequences of one length: windows that share one token, so that every token
/// but the first is predicted once.
package struct TokenWindows: TrainingData {
  private let file: TokenFile
  private let windowLength: Int
  private let structural: [Bool]
  package let fingerprint: String

  /// - Parameters:
  ///   - length: positions of a window, 1 or more; a window holds one token more, the last may hold
  ///     fewer.
  ///   - structural: whether a token id is structural, by id; shorter tables mean false.
  package init(_ file: TokenFile, length: Int, structural: [Bool] = []) {
    precondition(length > 0, "a window needs a position")
    self.file = file
    windowLength = length
    self.structural = structural
    let table = ChecksumList.digest(of: Data(structural.map { $0 ? 1 : 0 }))
    fingerprint = ChecksumList.digest(
      of: Data("\(file.manifest.tokensSHA256) \(length) \(table)".utf8))
  }

  package var count: Int { max(0, file.count - 2 + windowLength) / windowLength }

  package func length(ofSequence index: Int) -> Int {
    min(file.count, (index + 1) * windowLength + 1) - index * windowLength
  }

  package func sequence(at index: Int) -> TrainingSequence {
    let first = index * windowLength
    return TrainingSequence(
      tokens: file[first..<first + length(ofSequence: index)], structural: structural)
  }
}

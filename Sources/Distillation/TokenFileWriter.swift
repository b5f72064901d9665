// From text files of any size to one file of tokens.
//
// Batches of some pieces of a megabyte are read, encoded by all threads, and written, so that memory
// does not depend on the corpus. What is written does not depend on the threads.

internal import Checkpoints
package import Corpora
internal import Crypto
package import Foundation
package import Tokenization

/// How far the encoding is.
package struct TokenFileProgress: Equatable, Sendable {
  /// Of the corpus' part, so far.
  package var bytes: Int
  package var totalBytes: Int
  package var tokens: Int
  package var seconds: Double

  package var bytesPerSecond: Double { seconds > 0 ? Double(bytes) / seconds : 0 }
}

/// Encodes a corpus into a `TokenFile`.
package struct TokenFileWriter {
  private let tokenizer: Tokenizer
  private let threads: Int
  private let pieceBytes: Int

  /// - Parameters:
  ///   - threads: that encode, 1 or more.
  ///   - pieceBytes: of what one of them encodes at once; twice as much for each is in memory.
  package init(tokenizer: Tokenizer, threads: Int, pieceBytes: Int = 1 << 20) {
    precondition(threads > 0 && pieceBytes > 0, "threads and bytes must be 1 or more")
    self.tokenizer = tokenizer
    self.threads = threads
    self.pieceBytes = pieceBytes
  }

  /// Encodes a part of `corpus`; its documents are joined by end-of-text, where the tokenizer has
  /// one.
  ///
  /// - Parameters:
  ///   - source: what the manifest calls it.
  ///   - minimumTokens: fewer are refused, and nothing is left behind.
  ///   - progress: called after each batch; says whether to go on.
  /// - Throws: `CorpusError`, `FileError`, `TrainingError.unusableData` for a corpus that is too
  ///   short, `.cancelled`.
  package func write(
    _ corpus: TextCorpus, range: Range<Int>, source: String, minimumTokens: Int, to name: String,
    in folder: URL, progress: (TokenFileProgress) -> Bool = { _ in true }
  ) throws -> TokenFile {
    let start = ContinuousClock.now
    let places = TokenFile.files(name, in: folder)
    var out = TokenOutput(
      file: try UnfinishedFile(for: places.tokens),
      bytesPerToken: tokenizer.vocabularySize <= 1 << 16 ? 2 : 4)
    var pieces = CorpusPieces(corpus, range: range, pieceBytes: pieceBytes, agrees: agrees)
    var source256 = SHA256()
    var (bytes, documents, forcedCuts) = (0, 0, 0)
    while true {
      let batch = try nextBatch(of: &pieces)
      if batch.isEmpty { break }
      for (piece, tokens) in zip(batch, try encode(batch)) {
        source256.update(data: piece.bytes)
        bytes += piece.bytes.count
        if piece.isForced { forcedCuts += 1 }
        if piece.startsDocument {
          if documents > 0, let end = tokenizer.endOfText { try out.write([end]) }
          documents += 1
        }
        try out.write(tokens)
      }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let reached = TokenFileProgress(
        bytes: bytes, totalBytes: range.count, tokens: out.count, seconds: seconds)
      guard progress(reached) else { throw TrainingError.cancelled }
    }
    guard out.count >= minimumTokens else {
      throw TrainingError.unusableData(
        "the corpus has \(out.count) tokens, fewer than one sequence of \(minimumTokens)")
    }
    let manifest = TokenFile.Manifest(
      source: source, sourceBytes: bytes,
      sourceSHA256: ChecksumList.hexadecimal(source256.finalize()),
      tokenizerSHA256: tokenizer.sha256, documents: documents, tokens: out.count,
      bytesPerToken: out.bytesPerToken, tokensSHA256: out.digest, forcedCuts: forcedCuts)
    try out.finish()
    try writeJSON(manifest, places.manifest.lastPathComponent, in: folder)
    return try TokenFile(name, in: folder, manifest: manifest)
  }

  /// Whether a text may be cut between two lines: the tokens of the first stay as they are.
  private func agrees(_ before: String, _ after: String) -> Bool {
    tokenizer.encode(before + after).starts(with: tokenizer.encode(before))
  }

  private func nextBatch(of pieces: inout CorpusPieces) throws(CorpusError) -> [CorpusPiece] {
    var batch: [CorpusPiece] = []
    var bytes = 0
    while bytes < 2 * threads * pieceBytes, let piece = try pieces.next() {
      bytes += piece.bytes.count
      batch.append(piece)
    }
    return batch
  }

  /// The tokens of each piece; the pieces are shared out among the threads.
  private func encode(_ batch: [CorpusPiece]) throws(CorpusError) -> [[Int32]] {
    let results = concurrentMap(batch.count, threads: threads) { index in
      Result { () throws(CorpusError) in try encode(batch[index]) }
    }
    var tokens: [[Int32]] = []
    for result in results { tokens.append(try result.get()) }
    return tokens
  }

  private func encode(_ piece: CorpusPiece) throws(CorpusError) -> [Int32] {
    let text = try piece.text()
    return piece.context.isEmpty
      ? tokenizer.encode(text) : tokenizer.encodeContinuation(text, after: piece.context)
  }
}

/// The file of tokens while it is written.
private struct TokenOutput: ~Copyable {
  private var file: UnfinishedFile
  let bytesPerToken: Int
  private(set) var count = 0
  private var sum = SHA256()

  init(file: consuming UnfinishedFile, bytesPerToken: Int) {
    self.file = file
    self.bytesPerToken = bytesPerToken
  }

  mutating func write(_ tokens: [Int32]) throws {
    count += tokens.count
    if bytesPerToken == 2 {
      try append(tokens.map { UInt16(truncatingIfNeeded: $0).littleEndian })
    } else {
      try append(tokens.map(\.littleEndian))
    }
  }

  private mutating func append<Stored>(_ values: [Stored]) throws {
    try values.withUnsafeBytes { bytes in
      guard !bytes.isEmpty else { return }
      sum.update(bufferPointer: bytes)
      try file.file.write(bytes)
    }
  }

  /// SHA-256 of all bytes so far.
  var digest: String { ChecksumList.hexadecimal(sum.finalize()) }

  /// Gives the file its name.
  consuming func finish() throws(FileError) { try file.finish() }
}

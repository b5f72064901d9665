internal import Corpora
internal import Distillation
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Tokenization

/// Running text of any size as training data: encoded once a job into a file of tokens, which an
/// attempt that goes on finds again.
struct TrainingTokens {
  private let text: TextCorpus
  private let corpus: FileCorpus
  private let tokenizer: Tokenizer
  private let folder: URL
  private let threads: Int

  /// Nil for a corpus that is no running text.
  ///
  /// - Parameters:
  ///   - folder: the job's.
  ///   - threads: that encode.
  init?(
    _ source: CorpusSource, tokenizer: Tokenizer, folder: URL, threads: Int, paths: ReadablePaths
  ) throws {
    guard case .file(let corpus) = source, let text = try corpus.text(paths: paths) else {
      return nil
    }
    self.text = text
    self.corpus = corpus
    self.tokenizer = tokenizer
    self.folder = folder.appendingPathComponent("tokens")
    self.threads = threads
  }

  /// One part, packed into sequences.
  ///
  /// - Parameter progress: is told while the text is encoded, and says whether to go on.
  /// - Throws: `Problem`; `TrainingError.cancelled` when `progress` says no.
  func windows(
    of part: CorpusPartName, length: Int, structural: [Bool], progress: (Jobs.Progress) -> Bool
  ) throws -> TokenWindows {
    let source =
      "\(corpus.path), \(part.rawValue), validation_fraction \(corpus.validationFraction), "
      + "test_fraction \(corpus.testFraction)"
    let kept = TokenFile(
      part.rawValue, in: folder, source: source, tokenizerSHA256: tokenizer.sha256)
    if let kept { return TokenWindows(kept, length: length, structural: structural) }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      let range = try text.range(
        of: CorpusPart(rawValue: part.rawValue) ?? .train,
        validationFraction: corpus.validationFraction, testFraction: corpus.testFraction)
      let file = try TokenFileWriter(tokenizer: tokenizer, threads: threads).write(
        text, range: range, source: source, minimumTokens: length + 1, to: part.rawValue, in: folder
      ) { progress(Self.progress($0, of: part)) }
      return TokenWindows(file, length: length, structural: structural)
    } catch let error as CorpusError {
      throw unusable("\(error)")
    } catch TrainingError.unusableData(let reason) {
      throw unusable(reason + ": sequence_length is \(length)")
    }
  }

  private static func progress(
    _ reached: TokenFileProgress, of part: CorpusPartName
  ) -> Jobs.Progress {
    let left = Double(reached.totalBytes - reached.bytes) / max(1, reached.bytesPerSecond)
    return Jobs.Progress(
      fraction: 0, secondsLeft: left,
      message: String(
        format: "encoding the %@ part: %.0f of %.0f MB, %.1f MB/s, %ld tokens", part.rawValue,
        Double(reached.bytes) / 1e6, Double(reached.totalBytes) / 1e6,
        reached.bytesPerSecond / 1e6, reached.tokens))
  }

  private func unusable(_ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
      detail: "\(corpus.path): \(detail)")
  }
}

extension FileCorpus {
  /// What a tokenizer is trained on: the first gigabyte of a part, which says as much of its words as
  /// all of it.
  func texts(of text: TextCorpus, part: CorpusPart) throws -> [String] {
    do {
      let range = try text.range(
        of: part, validationFraction: validationFraction, testFraction: testFraction)
      // Words do not reach over a line's end.
      var pieces = CorpusPieces(text, range: range, pieceBytes: 1 << 24) { _, _ in true }
      var texts: [String] = []
      var bytes = 0
      while bytes < 1 << 30, let piece = try pieces.next() {
        bytes += piece.bytes.count
        texts.append(try piece.text())
      }
      return texts
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
        detail: "\(path): \(error)")
    }
  }

  /// The running text that the path names; nil when it is a file of something else.
  ///
  /// - Throws: `Problem` that names the file.
  func text(paths: ReadablePaths) throws -> TextCorpus? {
    let url = try paths.resolve(fileOrFolder: path)
    do {
      return try TextCorpus(url)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
        detail: "\(path): \(error)")
    }
  }
}

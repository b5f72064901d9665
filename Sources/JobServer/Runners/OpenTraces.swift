internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Tokenization
internal import Traces

/// The traces that a spec names, open.
struct OpenTraces {
  let set: TraceSet
  private let folder: URL

  init(_ folder: URL) throws {
    self.folder = folder
    do {
      set = try TraceSet(folder: folder)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:unusable-traces", title: "The traces cannot be used",
        detail: "\(error)")
    }
  }

  /// The tokenizer that the traces are in; `collect` leaves it beside the shards.
  func tokenizer() throws -> Tokenizer { try ModelFolder.tokenizer(in: folder) }

  /// Refuses traces of another tokenizer, naming both.
  func requireTokenizer(_ tokenizer: Tokenizer) throws {
    do {
      try set.requireTokenizer(
        sha256: tokenizer.sha256, vocabularySize: tokenizer.vocabularySize)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:mismatch", title: "Traces and tokenizer do not fit",
        detail: "\(error)")
    }
  }
}

extension JobEnvironment {
  /// The traces that a reference names.
  func traceSet(_ reference: TraceReference) throws -> OpenTraces {
    do {
      return try OpenTraces(folder.url(try store.trace(reference: reference.text).path))
    } catch StoreError.notFound {
      throw Problem(
        type: "urn:bitnet:problem:not-found", title: "There are no such traces",
        detail: "\(reference.text) names no traces; a collect job has some once it succeeded")
    }
  }
}

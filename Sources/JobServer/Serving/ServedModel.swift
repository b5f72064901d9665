internal import Constraints
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Synchronization
internal import Tokenization
internal import Transformer

/// A model in memory that answers requests.
final class ServedModel: Sendable {
  let engine: GenerationEngine
  let tokenizer: Tokenizer
  /// Tokens that end an answer.
  let stopTokens: Set<Int32>
  /// nil when the model's folder has none.
  let template: ChatTemplate.OfModel?
  /// How answers are held to JSON; made when the first request asks.
  private let grammar = Mutex<TokenBytes?>(nil)

  /// Reads the tokenizer and the chat template of `model` from its folder.
  ///
  /// - Throws: a `Problem` that says what is wrong with them.
  init(
    _ model: InferenceModel, folder: URL, limits: GenerationLimits, team: ComputeTeam
  ) throws {
    var limits = limits
    limits.maximumContext = min(
      limits.maximumContext, model.configuration.maxPositionEmbeddings)
    engine = GenerationEngine(model: model, limits: limits, team: team)
    tokenizer = try ModelFolder.tokenizer(in: folder)
    stopTokens = Self.stopTokens(in: folder, tokenizer)
    do {
      template = try ChatTemplate.ofModel(in: folder)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:unusable-model", title: "The model cannot be used",
        detail: "its chat template: \(error)")
    }
  }

  /// The bytes of every token, arranged for constraints.
  var tokenBytes: TokenBytes {
    grammar.withLock { known in
      if let known { return known }
      let made = TokenBytes(
        (0..<Int32(clamping: tokenizer.vocabularySize)).map { id in
          tokenizer.specialTokenIDs.contains(id) ? [] : Array(tokenizer.bytes(of: id))
        })
      known = made
      return made
    }
  }

  /// What the model's files name, and what the tokenizer calls the end of a text.
  private static func stopTokens(in folder: URL, _ tokenizer: Tokenizer) -> Set<Int32> {
    var tokens = Set([tokenizer.endOfText].compactMap(\.self))
    for name in ["generation_config.json", "config.json"] {
      guard let data = try? Data(contentsOf: folder.appending(path: name)),
        let ends = (try? JSONValue(parsing: Array(data)))?["eos_token_id"]
      else { continue }
      let ids = ends.arrayValue ?? [ends]
      tokens.formUnion(ids.compactMap { $0.intValue.flatMap { Int32(exactly: $0) } })
    }
    return tokens
  }
}

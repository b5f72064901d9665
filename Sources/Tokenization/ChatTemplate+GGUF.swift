package import Checkpoints

extension ChatTemplate {
  /// Reads the template inside a GGUF file, with the tokens that the file names.
  ///
  /// - Returns: nil when the file has none.
  package static func ofModel(_ file: GGUFFile) throws(ChatTemplateError) -> OfModel? {
    guard case .string(let source)? = file.metadata["tokenizer.chat_template"] else { return nil }
    var variables: [String: TemplateValue] = [:]
    let tokens: [String]
    do throws(GGUFError) {
      tokens = try file.strings("tokenizer.ggml.tokens") ?? []
    } catch {
      throw .unavailable(path: error.path, reason: error.description)
    }
    for (name, key) in [
      ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
      ("pad_token", "padding"),
    ] {
      guard case .integer(let id)? = file.metadata["tokenizer.ggml.\(key)_token_id"],
        let place = Int(exactly: id), tokens.indices.contains(place)
      else { continue }
      variables[name] = .string(tokens[place])
    }
    return OfModel(template: try ChatTemplate(source: source), variables: variables)
  }
}

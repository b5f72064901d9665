package import Foundation

extension ChatTemplate {
  /// A template from a model's folder, with the variables that its files give.
  package struct OfModel: Sendable {
    package let template: ChatTemplate
    /// `bos_token`, `eos_token` and the like, as `tokenizer_config.json` spells them.
    package let variables: [String: TemplateValue]
  }

  private static let fileBytesMax = 16 << 20

  /// Reads `chat_template.jinja`, or else `tokenizer_config.json`, where of several templates the
  /// one called `default` counts.
  ///
  /// - Returns: nil when the folder has no template.
  /// - Throws: what is wrong with the files or the template.
  package static func ofModel(in folder: URL) throws(ChatTemplateError) -> OfModel? {
    let configuration = folder.appending(path: "tokenizer_config.json")
    var variables: [String: TemplateValue] = [:]
    var source: String?
    if let bytes = try contents(of: configuration) {
      let value: TemplateValue
      do throws(JSONSyntaxError) {
        value = try members(named: Set(specialTokenNames + ["chat_template"]), ofJSON: bytes)
      } catch {
        throw .unavailable(
          path: configuration.path, reason: "byte \(error.byte): expected \(error.expected)")
      }
      variables = specialTokens(in: value)
      source = template(in: value)
    }
    let file = folder.appending(path: "chat_template.jinja")
    if let bytes = try contents(of: file) {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .unavailable(path: file.path, reason: "not UTF-8")
      }
      source = text
    }
    guard let source else { return nil }
    return OfModel(template: try ChatTemplate(source: source), variables: variables)
  }

  private static func contents(of file: URL) throws(ChatTemplateError) -> Data? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      let bytes = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
      guard bytes <= fileBytesMax else {
        throw ChatTemplateError.unavailable(
          path: file.path, reason: "\(bytes) bytes are more than \(fileBytesMax)")
      }
      return try Data(contentsOf: file)
    } catch let error as ChatTemplateError {
      throw error
    } catch {
      throw .unavailable(path: file.path, reason: error.localizedDescription)
    }
  }

  private static func template(in configuration: TemplateValue) -> String? {
    switch configuration["chat_template"] {
    case .string(let text)?: return text
    case .array(let named)?:
      return named.first { $0["name"]?.text == "default" }?["template"]?.text
    default: return nil
    }
  }

  /// Some members of an object. What else it holds is not read: transformers writes a
  /// `model_max_length` of 10^30, which no integer here is.
  private static func members(
    named names: Set<String>, ofJSON bytes: Data
  ) throws(JSONSyntaxError) -> TemplateValue {
    var reader = JSONReader(Array(bytes))
    var members: [TemplateValue.Member] = []
    try reader.beginObject()
    while let name = try reader.nextKey() {
      if names.contains(name) {
        members.append(TemplateValue.Member(name, try TemplateValue(&reader)))
      } else {
        try reader.skipValue()
      }
    }
    try reader.end()
    return .object(members)
  }

  private static let specialTokenNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// The special tokens of a `tokenizer_config.json`, each a text or an object with `content`.
  private static func specialTokens(in configuration: TemplateValue) -> [String: TemplateValue] {
    var result: [String: TemplateValue] = [:]
    for name in specialTokenNames {
      guard let value = configuration[name] else { continue }
      if let text = value.text ?? value["content"]?.text { result[name] = .string(text) }
    }
    return result
  }
}

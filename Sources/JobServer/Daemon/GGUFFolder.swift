internal import Checkpoints
internal import Foundation
internal import Jobs
internal import ModelFormats
internal import Tokenization
internal import Transformer

/// A GGUF file as a model folder of ours, which everything else reads.
enum GGUFFolder {
  /// Makes the folder under `models/` in the data folder, named for the file and its content; one that
  /// is there already is used as it is.
  ///
  /// - Throws: `Problem` that names what the file lacks, or what of it is not built.
  static func make(from file: URL, in data: DataFolder) throws -> URL {
    let name = file.deletingPathExtension().lastPathComponent
    let digest = try ChecksumList.digest(ofFile: file.path).prefix(12)
    let final = try data.made(data.url("models")).appendingPathComponent("\(name)-\(digest)")
    if FileManager.default.fileExists(atPath: final.path) { return final }
    do {
      let model = try GGUFImport(file)
      let tokenizer = try Tokenizer(gguf: model.file)
      let template = try ChatTemplate.ofModel(model.file)
      let parameters = try model.parameters()
      try CheckpointDirectory.write(at: final) { folder in
        try write(model.configuration, parameters, to: folder)
        try tokenizer.write(to: folder.appendingPathComponent("tokenizer.json"))
        if let template {
          try AtomicFile.write(
            Data(template.template.source.utf8),
            to: folder.appendingPathComponent("chat_template.jinja"))
        }
      }
    } catch let error as FormatError {
      throw Problem(error)
    } catch let error as TokenizerError {
      throw unusable(file, "\(error)")
    } catch let error as ChatTemplateError {
      throw unusable(file, "\(error)")
    }
    return final
  }

  private static func write(
    _ configuration: ModelConfiguration, _ parameters: Parameters, to folder: URL
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(
      encoder.encode(configuration), to: folder.appendingPathComponent("config.json"))
    try SafetensorsWriter.write(
      to: folder.appendingPathComponent("model.safetensors"),
      tensors: parameters.layout.views.map { view in
        .init(
          name: view.name, shape: view.shape,
          values: UnsafePointer(parameters.values + view.offset))
      })
  }

  private static func unusable(_ file: URL, _ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:unusable-model", title: "The model cannot be used",
      detail: "\(file.path): \(detail)")
  }
}

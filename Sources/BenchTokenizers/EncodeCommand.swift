import ArgumentParser
import Foundation
import Tokenization

/// Encodes documents, and writes what came of each.
struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Encode the documents of a file; write the number of ids and the ids, as int32.")

  @Argument(help: "A tokenizer.json, or a GGUF file.") var tokenizer: String
  @Argument(help: "The documents, a JSON text a line.") var documents: String
  @Argument(help: "Where the ids go.") var output: String
  @Option(help: "Where the decoded texts go, a JSON text a line.") var texts: String?

  func run() throws {
    let tokenizer = try Tokenizer(contentsOf: URL(filePath: tokenizer))
    var words: [Int32] = []
    var decoded = ""
    for document in try Documents.read(documents) {
      let ids = tokenizer.encode(document)
      words.append(Int32(ids.count))
      words += ids
      if texts != nil { decoded += JSONText.quoted(tokenizer.decode(ids)) + "\n" }
    }
    try words.withUnsafeBytes { try Data($0).write(to: URL(filePath: output)) }
    if let texts { try decoded.write(toFile: texts, atomically: true, encoding: .utf8) }
  }
}

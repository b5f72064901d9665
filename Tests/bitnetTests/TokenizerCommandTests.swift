import Foundation
import Jobs
import Testing

struct TokenizerCommandTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "bitnet-\(UUID())")

  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func file(_ name: String, _ text: String) throws -> String {
    let url = folder.appending(path: name)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  @Test func `training twice on the same files gives the same tokenizer`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = try file("a.txt", String(repeating: "the cat sat on the mat. ", count: 50))
    let pairs = try file("b.jsonl", #"{"prompt": "the", "completion": "cat"}"# + "\n")
    var outputs: [Data] = []
    for name in ["1.json", "2.json"] {
      let path = folder.appending(path: name).path
      let run = try BitnetRun(
        ["tokenizer", "train", text, pairs, "--vocab-size", "265", "-o", path])
      #expect(run.status == 0, "\(run.errors)")
      #expect(run.output == "\(path): 265 tokens\n")
      outputs.append(try Data(contentsOf: URL(filePath: path)))
    }
    #expect(outputs[0] == outputs[1])
    #expect(try JSONValue(parsing: Array(outputs[0]))["model"]?["type"] == "BPE")
  }

  @Test(arguments: ["", "\0", #"{"prompt": 1}"#])
  func `a file that is no corpus is named`(text: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try file(text.hasPrefix("{") ? "bad.jsonl" : "bad.txt", text)
    let run = try BitnetRun(
      ["tokenizer", "train", path, "--vocab-size", "300", "-o", folder.appending(path: "t").path])
    #expect(run.status == 2)
    #expect(run.errors.contains(path))
  }
}

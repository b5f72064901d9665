import Foundation
import JobServer
import Jobs
import TestSupport
import Testing
import Tokenization
import Transformer

/// Folders that claim to be models.
struct ModelFolderTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// A byte-level tokenizer of 256 bytes and one special token.
  private func writeTokenizer() throws {
    // The printable names that byte-level tokenizers give to bytes.
    var names: [String] = []
    var next: UInt32 = 256
    for byte in 0..<256 as Range<UInt32> {
      let isPrintable = 33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte
      names.append(String(UnicodeScalar(isPrintable ? byte : next)!))
      if !isPrintable { next += 1 }
    }
    var vocabulary: [String: Int] = ["<|endoftext|>": 256]
    for (id, name) in names.enumerated() { vocabulary[name] = id }
    let file: [String: Any] = [
      "added_tokens": [["id": 256, "content": "<|endoftext|>", "special": true]],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": vocabulary, "merges": [String]()],
    ]
    try JSONSerialization.data(withJSONObject: file).write(to: folder["tokenizer.json"])
  }

  private func writeConfiguration(vocabulary: Int = 257, width: Int = 8) throws {
    let file: [String: Any] = [
      "model_type": "llama", "vocab_size": vocabulary, "hidden_size": width,
      "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "head_dim": 4,
      "tie_word_embeddings": true,
    ]
    try JSONSerialization.data(withJSONObject: file).write(to: folder["config.json"])
  }

  private func writeWeights(adding extra: [String: [Int]] = [:]) throws {
    let block = "model.layers.0."
    var shapes: [String: [Int]] = [
      "model.embed_tokens.weight": [257, 8], "model.norm.weight": [8],
      block + "input_layernorm.weight": [8], block + "post_attention_layernorm.weight": [8],
      block + "mlp.gate_proj.weight": [16, 8], block + "mlp.up_proj.weight": [16, 8],
      block + "mlp.down_proj.weight": [8, 16],
    ]
    for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
      shapes[block + "self_attn.\(name).weight"] = [8, 8]
    }
    shapes.merge(extra) { $1 }
    var entries: [String] = []
    var count = 0
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      let end = count + 4 * shape.reduce(1, *)
      entries.append(
        "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[\(count),\(end)]}")
      count = end
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
    try Data(length + header + [UInt8](repeating: 0, count: count))
      .write(to: folder["model.safetensors"])
  }

  private func expectRefusal(naming part: String) {
    #expect {
      try ModelFolder.load(folder.url)
    } throws: { error in
      guard let problem = error as? Problem else { return false }
      return problem.type == "urn:bitnet:problem:unusable-model"
        && problem.detail.contains(part)
    }
  }

  @Test func `a checkpoint of another maker is read`() throws {
    try writeTokenizer()
    try writeConfiguration()
    try writeWeights()
    let model = try ModelFolder.load(folder.url)
    #expect(model.configuration.vocabSize == 257 && model.tokenizer.vocabularySize == 257)
    _ = try ModelFolder.checkedWeights(in: folder.url, for: model.configuration)
  }

  @Test func `a configuration that claims terabytes is refused before they are asked for`() throws {
    try writeTokenizer()
    try writeConfiguration(vocabulary: 1 << 24, width: 1 << 16)
    try writeWeights()
    expectRefusal(naming: "model.embed_tokens.weight")
  }

  @Test func `a bias that the configuration does not have is refused at import by its name`() throws
  {
    try writeTokenizer()
    try writeConfiguration()
    try writeWeights(adding: ["model.layers.0.self_attn.o_proj.bias": [8]])
    let configuration = try ModelFolder.configuration(in: folder.url)
    #expect {
      try ModelFolder.checkedWeights(in: folder.url, for: configuration)
    } throws: { error in
      (error as? Problem)?.detail.contains("o_proj.bias") == true
    }
  }

  @Test func `an option that is not built is refused by its name`() throws {
    try writeTokenizer()
    try writeWeights()
    try Data(#"{"model_type": "gemma2"}"#.utf8).write(to: folder["config.json"])
    expectRefusal(naming: "gemma2")
  }
}

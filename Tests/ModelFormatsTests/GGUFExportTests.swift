import Checkpoints
import Foundation
import Kernels
import ModelFormats
import TestSupport
import Testing
import Tokenization
import Transformer

struct GGUFExportTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// Ternary students of every network, and how each is named.
  static let ternaryStudents: [(GGUFArchitecture, ModelConfiguration)] = [
    (.bitnet, student()), (.llama, student(tied: false, subNorm: false)),
    (.qwen2, student(bias: true, subNorm: false)), (.qwen3, student(qkNorm: true, subNorm: false)),
    (.llama, student(subNorm: false, headDim: 128)),
  ]

  @Test(arguments: ternaryStudents, [GGUFWeights.tq2_0, .tq1_0, .i2_s])
  func `a ternary student comes back with the same trits, scales and numbers`(
    _ student: (architecture: GGUFArchitecture, configuration: ModelConfiguration),
    weights: GGUFWeights
  ) throws {
    let model = try exported(student.configuration)
    let summary = try GGUFExport.write(
      model, weights: weights, embeddings: .f32, to: folder["m.gguf"])
    #expect(summary.architecture == student.architecture)
    #expect(summary.tensorCounts["Q4_0"] == nil)
    let read = try GGUFImport(folder["m.gguf"])
    #expect(read.configuration == student.configuration)
    let parameters = try read.parameters()
    for view in parameters.layout.views {
      if view.isTernary {
        let (before, after) = (rounded(model.parameters, view), rounded(parameters, view))
        #expect(before.trits == after.trits, "\(view.name)")
        // The unit is recomputed as a mean, which may round once more.
        #expect(abs(before.unit - after.unit) <= before.unit.ulp, "\(view.name)")
      } else {
        #expect(
          Array(model.parameters[name: view.name]) == Array(parameters[name: view.name]),
          "\(view.name)")
      }
    }
  }

  @Test(arguments: [
    student(tied: false, subNorm: false, quantization: .none),
    student(bias: true, subNorm: false, quantization: .none),
    student(qkNorm: true, subNorm: false, quantization: .none),
  ])
  func `a full-precision model in F32 comes back bit by bit`(
    _ configuration: ModelConfiguration
  ) throws {
    let model = try exported(configuration)
    try GGUFExport.write(model, weights: .f32, embeddings: .f32, to: folder["m.gguf"])
    let read = try GGUFImport(folder["m.gguf"])
    #expect(read.configuration == configuration)
    let parameters = try read.parameters()
    for view in parameters.layout.views {
      #expect(
        Array(model.parameters[name: view.name]) == Array(parameters[name: view.name]),
        "\(view.name)")
    }
  }

  /// Half a unit in the last place of the form: 11 bits, 8 bits; Q8_0 rounds to 1/127 of the largest
  /// of a block, whose fp16 scale is off by another 2^-11.
  @Test(arguments: [
    (GGUFWeights.f16, 0x1p-11), (GGUFWeights.bf16, 0x1p-8), (GGUFWeights.q8_0, 0.5 / 127 + 0x1p-11),
  ])
  func `shorter numbers are as near as they can be`(_ weights: GGUFWeights, error: Double) throws {
    let configuration = student(tied: false, subNorm: false, quantization: .none)
    let model = try exported(configuration)
    try GGUFExport.write(model, weights: weights, embeddings: weights, to: folder["m.gguf"])
    let parameters = try GGUFImport(folder["m.gguf"]).parameters()
    for view in parameters.layout.views where view.isMatrix {
      let (before, after) = (
        model.parameters[name: view.name], parameters[name: view.name]
      )
      for start in stride(from: 0, to: view.count, by: 32) {
        let block = before[start..<start + 32]
        let largest = block.map(abs).max() ?? 0
        for index in block.indices {
          let size = weights == .q8_0 ? largest : abs(before[index])
          // Small numbers are subnormal in fp16.
          #expect(
            abs(Double(before[index] - after[index])) <= Double(size) * error + 0x1p-25,
            "\(view.name)[\(index)]")
        }
      }
    }
  }

  @Test func `rows that are no multiple of 256 are kept as Q4_0, and the summary says so`() throws {
    let model = try exported(student(hiddenSize: 192, intermediateSize: 512))
    let summary = try GGUFExport.write(model, weights: .tq2_0, to: folder["m.gguf"])
    // The width of down_proj's rows is 512.
    #expect(summary.tensorCounts["TQ2_0"] == 2)
    #expect(summary.tensorCounts["Q4_0"] == 12)
    #expect(summary.notes.contains { $0.contains("Q4_0") })
    let parameters = try GGUFImport(folder["m.gguf"]).parameters()
    for view in parameters.layout.views where view.isTernary {
      #expect(rounded(model.parameters, view).trits == rounded(parameters, view).trits)
    }
  }

  static let refused: [(ModelConfiguration, GGUFWeights, String)] = [
    (student(qkNorm: true), .tq2_0, "QK-norm"), (student(bias: true), .tq2_0, "biases"),
    (student(activation: .relu2), .tq2_0, "squared ReLU"),
    (student(activation: .relu2, subNorm: false), .i2_s, "squared ReLU"),
    (student(hadamard: true), .tq2_0, "Hadamard"),
    (student(hadamard: true), .i2_s, "trained with flip.enabled false"),
    (student(tied: false), .i2_s, "head of its own"),
    (student(scaling: .linear(factor: 2)), .tq2_0, "scaled RoPE"),
    (student(headDim: 32), .tq1_0, "heads of another width"), (student(), .f16, "as f16"),
    (student(subNorm: false, quantization: .none), .tq2_0, "full-precision"),
    (student(quantization: .none), .f16, "SubLN"),
    (student(hiddenSize: 192), .i2_s, "rows of 192"),
    (student(qkNorm: true, bias: true, subNorm: false), .tq2_0, "QK-norm and attention biases"),
  ]

  @Test(arguments: refused)
  func `what the format cannot hold is refused by name, and nothing is written`(
    _ configuration: ModelConfiguration, weights: GGUFWeights, feature: String
  ) throws {
    let error = #expect(throws: FormatError.self) {
      try GGUFExport.write(exported(configuration), weights: weights, to: folder["m.gguf"])
    }
    #expect(error?.description.contains(feature) == true, "\(error?.description ?? "nothing")")
    #expect(try folder.names == [])
  }

  @Test func `squared ReLU goes to bitnet.cpp under its own name`() throws {
    let summary = try GGUFExport.write(
      exported(student(activation: .relu2)), weights: .i2_s, to: folder["m.gguf"])
    #expect(summary.architecture == .bitnet158)
    #expect(summary.notes.contains { $0.contains("stock llama.cpp") })
    #expect(try GGUFImport(folder["m.gguf"]).configuration.hiddenAct == .relu2)
  }

  @Test func `vocabulary, merges and template are in the file`() throws {
    let model = try exported(student(), chatTemplate: "{{ messages }}")
    try GGUFExport.write(model, weights: .tq2_0, to: folder["m.gguf"])
    let file = try GGUFFile(mapping: folder["m.gguf"])
    let tokens = try file.require("tokenizer.ggml.tokens", file.strings)
    #expect(tokens.count == 304)
    #expect(tokens[0] == "<|endoftext|>")
    #expect(tokens.firstIndex(of: "Ġthe").map(Int32.init) == model.tokenizer.id(of: "Ġthe"))
    let kinds = try file.require("tokenizer.ggml.token_type", file.integers)
    #expect(kinds[0] == 3)
    #expect(kinds[1] == 1)
    #expect(kinds[303] == 5)
    #expect(try file.string("tokenizer.ggml.pre") == "smollm")
    #expect(try file.bool("tokenizer.ggml.add_bos_token") == false)
    #expect(try file.integer("tokenizer.ggml.eos_token_id") == 0)
    #expect(try file.strings("tokenizer.ggml.merges")?.isEmpty == false)
    #expect(try file.string("tokenizer.chat_template") == "{{ messages }}")
  }
}

extension Parameters {
  fileprivate subscript(name name: String) -> UnsafeMutableBufferPointer<Float> { self[name]! }
}

import Checkpoints
import Foundation
import Kernels
import ModelFormats
import TestSupport
import Testing
import Tokenization
import Transformer

struct HuggingFaceExportTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let bitnet = student(activation: .relu2)

  private func config() throws -> [String: Any] {
    let json = try Data(contentsOf: folder["config.json"])
    return try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
  }

  @Test func `packed trits and their unit are exact, and linear_class is explicit`() throws {
    let model = try exported(bitnet)
    #expect(try HuggingFaceExport.write(model, weights: .packed, into: folder.url) == "bitnet")
    let quantization = try config()["quantization_config"] as? [String: Any]
    #expect(quantization?["linear_class"] as? String == "autobitlinear")
    #expect(quantization?["quantization_mode"] as? String == "offline")
    let weights = try ModelWeights(folder.url, packedScale: .multiplied)
    let parameters = Parameters(layout: ParameterLayout(bitnet))
    for view in parameters.layout.views {
      try weights.copy(
        view.name, shape: view.shape, isTernary: view.isTernary,
        into: parameters.values + view.offset)
      guard view.isTernary else { continue }
      let (before, after) = (rounded(model.parameters, view), rounded(parameters, view))
      #expect(before.trits == after.trits, "\(view.name)")
      #expect(abs(before.unit - after.unit) <= before.unit.ulp, "\(view.name)")
    }
    #expect(try ModelConfiguration(huggingFace: Data(contentsOf: folder["config.json"])) == bitnet)
  }

  @Test func `master weights in bf16 round to the same trits`() throws {
    let model = try exported(bitnet)
    try HuggingFaceExport.write(model, weights: .bf16, into: folder.url)
    let file = try SafetensorsFile(mapping: folder["model.safetensors"])
    var changed = 0
    for view in model.parameters.layout.views where view.isTernary {
      #expect(try file.info(view.name).type == .bfloat16)
      var master = try file.floats(view.name)
      let ternary = TernaryWeights(rows: view.shape[0], columns: view.shape[1])
      ternary.quantize(from: &master, team: .shared)
      var trits = [Int8](repeating: 0, count: view.count)
      ternary.copyTrits(into: &trits)
      let before = rounded(model.parameters, view)
      #expect(trits == before.trits, "\(view.name)")
      // A unit in the last place of bf16 for each weight, half of which cancel.
      #expect(abs(ternary.scale - before.unit) < before.unit * 0x1p-9, "\(view.name)")
      let values = model.parameters.values + view.offset
      for index in 0..<view.count
      where abs(master[index] - values[index]) > abs(values[index]) / 512 {
        changed += 1
      }
    }
    // Without weights that were moved over a threshold, the test would show nothing.
    #expect(changed > 0)
  }

  @Test func `the tokenizer, the template and fp32 weights are written as they are`() throws {
    let model = try exported(student(subNorm: false, quantization: .none), chatTemplate: "{{ x }}")
    #expect(try HuggingFaceExport.write(model, weights: .f32, into: folder.url) == "llama")
    #expect(try Data(contentsOf: folder["tokenizer.json"]) == model.tokenizer.json)
    #expect(try Data(contentsOf: folder["chat_template.jinja"]) == Data("{{ x }}".utf8))
    let file = try SafetensorsFile(mapping: folder["model.safetensors"])
    for view in model.parameters.layout.views {
      #expect(
        try file.floats(view.name)
          == Array(
            UnsafeBufferPointer(start: model.parameters.values + view.offset, count: view.count)))
    }
  }

  @Test(arguments: [(false, false, "qwen2"), (true, false, "llama"), (true, true, "llama")])
  func `biases are exported as the network that has them`(
    output: Bool, mlp: Bool, type: String
  ) throws {
    var configuration = student(bias: true, subNorm: false, quantization: .none)
    configuration.outputBias = output
    configuration.mlpBias = mlp
    #expect(
      try HuggingFaceExport.write(exported(configuration), weights: .f32, into: folder.url) == type)
    let json = try Data(contentsOf: folder["config.json"])
    #expect(try ModelConfiguration(huggingFace: json) == configuration)
    let weights = try ModelWeights(folder.url)
    #expect(
      weights.tensorNames == Set(ParameterLayout(configuration).views.map(\.name)))
  }

  static let refused: [(ModelConfiguration, HuggingFaceExport.Weights, String)] = [
    (student(hadamard: true), .bf16, "Hadamard"), (student(qkNorm: true), .packed, "QK-norm"),
    (student(bias: true), .bf16, "biases"), (student(subNorm: false), .bf16, "without SubLN"),
    (student(quantization: .none), .bf16, "SubLN"),
    (student(subNorm: false, quantization: .none), .packed, "packed trits"),
    (student(headDim: 32), .bf16, "heads of another width"),
    (student(qkNorm: true, bias: true, subNorm: false, quantization: .none), .f32, "biases"),
  ]

  @Test(arguments: refused)
  func `what transformers has no network for is refused by name`(
    _ configuration: ModelConfiguration, weights: HuggingFaceExport.Weights, feature: String
  ) throws {
    let error = #expect(throws: FormatError.self) {
      try HuggingFaceExport.write(exported(configuration), weights: weights, into: folder.url)
    }
    #expect(error?.description.contains(feature) == true, "\(error?.description ?? "nothing")")
    #expect(try folder.names == [])
  }
}

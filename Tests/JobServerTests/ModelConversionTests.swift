import Checkpoints
import Foundation
import JobAPI
import Jobs
import Kernels
import TestSupport
import Testing
import Transformer

@testable import JobServer

/// What a conversion makes of a model's shape and weights.
struct ModelConversionTests {
  let folder: TemporaryFolder
  let team = ComputeTeam(threadCount: 2)

  init() throws { folder = try TemporaryFolder() }

  private static func configuration(inner: Int = 24) -> ModelConfiguration {
    ModelConfiguration(
      vocabSize: 40, hiddenSize: 16, intermediateSize: inner, numHiddenLayers: 2,
      numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 8)
  }

  private static func spec(_ change: (inout ConvertSpec) -> Void = { _ in }) -> ConvertSpec {
    var spec = ConvertSpec(model: .job(.make(at: .now())))
    change(&spec)
    return spec
  }

  /// Writes a model of random weights into the folder.
  private func write(_ configuration: ModelConfiguration) throws -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    var random = SplitMix64(seed: 91)
    for index in 0..<parameters.layout.count {
      parameters.values[index] = Float.random(in: -1...1, using: &random)
    }
    try JSONEncoder().encode(configuration).write(to: folder["config.json"])
    try SafetensorsWriter.write(
      to: folder["model.safetensors"],
      tensors: parameters.layout.views.map {
        SafetensorsWriter.Tensor(
          name: $0.name, shape: $0.shape, values: UnsafePointer(parameters.values + $0.offset))
      })
    return parameters
  }

  @Test func `weights are copied and new norms have weight 1`() throws {
    let source = Self.configuration()
    let before = try write(source)
    let conversion = try ModelConversion(Self.spec(), of: source)
    #expect(conversion.target.subNorm && conversion.target.quantization == .ternary)
    #expect(conversion.addedNorms == 4)
    let after = try conversion.weights(in: folder.url, as: conversion.target, team: team)
    for view in after.layout.views {
      let values = try #require(after[view.name])
      if let old = before[view.name] {
        #expect(values.elementsEqual(old), "\(view.name)")
      } else {
        #expect(view.name.hasSuffix("_sub_norm.weight"))
        #expect(values.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test func `norms that the model has stay as they are`() throws {
    var source = Self.configuration()
    source.subNorm = true
    let before = try write(source)
    let conversion = try ModelConversion(Self.spec(), of: source)
    #expect(conversion.addedNorms == 0)
    let after = try conversion.weights(in: folder.url, as: conversion.target, team: team)
    let name = "model.layers.1.mlp.ffn_sub_norm.weight"
    #expect(try #require(after[name]).elementsEqual(try #require(before[name])))
  }

  @Test func `a rotated product of a rotated input is the product`() throws {
    let source = Self.configuration()
    let before = try write(source)
    let conversion = try ModelConversion(Self.spec { $0.usesHadamard = true }, of: source)
    let after = try conversion.weights(in: folder.url, as: conversion.target, team: team)
    for (name, width) in [("self_attn.o_proj", 16), ("mlp.down_proj", 24)] {
      let (old, new) = (
        try #require(before["model.layers.0.\(name).weight"]),
        try #require(after["model.layers.0.\(name).weight"])
      )
      let input = (0..<width).map { Float($0 % 5) - 2 }
      var rotated = input
      hadamardRows(&rotated, rows: 1, columns: width, team: team)
      for row in 0..<16 {
        let plain = (0..<width).reduce(0) { $0 + old[row * width + $1] * input[$1] }
        let turned = (0..<width).reduce(0) { $0 + new[row * width + $1] * rotated[$1] }
        // Some tens of roundings of numbers around 1.
        #expect(abs(plain - turned) < 1e-4)
      }
      #expect(!new.elementsEqual(old))
    }
  }

  @Test func `what rounding leaves over is that of the rounded weights`() throws {
    let source = Self.configuration()
    _ = try write(source)
    let conversion = try ModelConversion(Self.spec(), of: source)
    let weights = try conversion.weights(in: folder.url, as: conversion.target, team: team)
    var report = ConversionReport(conversion, source: "mdl")
    report.measure(weights, team: team)
    #expect(report.matrices.count == 14)
    for matrix in report.matrices {
      let values = try #require(weights[matrix.name])
      let trits = TernaryWeights(rows: matrix.shape[0], columns: matrix.shape[1])
      trits.quantize(from: try #require(values.baseAddress), team: team)
      var plain = [Int8](repeating: 0, count: values.count)
      trits.copyTrits(into: &plain)
      let error = zip(values, plain).reduce(0.0) {
        $0 + pow(Double($1.0) - Double(trits.scale) * Double($1.1), 2)
      }
      let square = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(matrix.scale == Double(trits.scale))
      #expect(matrix.zeroShare == Double(plain.count { $0 == 0 }) / Double(plain.count))
      #expect(abs((matrix.relativeError ?? -1) - (error / square).squareRoot()) < 1e-12)
    }
  }

  @Test func `models that cannot be converted are refused by name`() throws {
    var ternary = Self.configuration()
    ternary.quantization = .ternary
    #expect {
      try ModelConversion(Self.spec(), of: ternary)
    } throws: {
      ($0 as? Problem)?.detail.contains("quantization is ternary already") == true
    }
    #expect {
      try ModelConversion(
        Self.spec { $0.usesHadamard = true }, of: Self.configuration(inner: 25))
    } throws: {
      ($0 as? Problem)?.detail.contains("intermediate_size is 25") == true
    }
  }
}

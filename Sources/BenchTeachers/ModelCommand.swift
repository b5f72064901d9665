import ArgumentParser
import Foundation
import Kernels
import Transformer

/// Writes a checkpoint of random weights in bf16.
struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "Write a checkpoint of a preset's shape, random, in bf16.")

  @Argument(help: "The folder; it is made.")
  var folder: String
  @Option(help: "One of the presets without ternary projections.")
  var preset = "qwen3-0.6b"

  func run() throws {
    guard let configuration = ModelConfiguration.preset(preset),
      configuration.quantization == .none
    else { throw ValidationError("\(preset) is no preset in full precision") }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    let layout = ParameterLayout(configuration)
    var entries: [String] = []
    var bytes = 0
    for view in layout.views {
      let end = bytes + 2 * view.count
      let shape = view.shape.map(String.init).joined(separator: ",")
      entries.append(
        "\"\(view.name)\":{\"dtype\":\"BF16\",\"shape\":[\(shape)],\"data_offsets\":[\(bytes),\(end)]}"
      )
      bytes = end
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(32, count: (8 - header.count % 8) % 8))
    let path = folder + "/model.safetensors"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    guard let file = FileHandle(forWritingAtPath: path) else {
      throw ValidationError("\(path) cannot be written")
    }
    try file.write(contentsOf: withUnsafeBytes(of: UInt64(header.count).littleEndian, { Data($0) }))
    try file.write(contentsOf: Data(header))
    for (index, view) in layout.views.enumerated() {
      let floats = AlignedBuffer<Float>(count: view.count)
      if view.isMatrix {
        fillNormal(
          floats.pointer, count: view.count, deviation: 0.02, seed: UInt64(index), team: .shared)
      } else {
        floats.pointer.update(repeating: 1, count: view.count)
      }
      let rows = view.isMatrix ? view.shape[0] : 1
      let stored = DenseWeights(
        floats.pointer, rows: rows, columns: view.count / rows, storage: .bf16)
      try file.write(
        contentsOf: Data(
          bytesNoCopy: UnsafeMutableRawPointer(mutating: stored.bytes.pointer),
          count: stored.bytes.count, deallocator: .none))
    }
    try file.close()
    try JSONEncoder().encode(configuration)
      .write(to: URL(fileURLWithPath: folder + "/config.json"))
  }
}

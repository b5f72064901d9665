package import Foundation

/// The weights of a model folder: one `model.safetensors`, or shards with an index.
///
/// Source: the layout that Hugging Face's transformers writes, `model.safetensors.index.json` with
/// a `weight_map` from tensor names to file names.
package struct SafetensorsFolder: Sendable {
  /// The files by their names in the folder.
  package let files: [String: SafetensorsFile]
  /// Which file holds a tensor.
  private let fileOfTensor: [String: String]
  private let path: String

  /// Opens the weights of `folder`; the index decides when there is one.
  package init(_ folder: URL) throws(SafetensorsError) {
    let index = folder.appendingPathComponent("model.safetensors.index.json")
    let single = "model.safetensors"
    path = folder.path
    guard FileManager.default.fileExists(atPath: index.path) else {
      let file = try SafetensorsFile(mapping: folder.appendingPathComponent(single))
      files = [single: file]
      fileOfTensor = file.tensors.mapValues { _ in single }
      return
    }
    let map = try Self.readIndex(index)
    var files: [String: SafetensorsFile] = [:]
    for name in Set(map.values) {
      files[name] = try SafetensorsFile(mapping: folder.appendingPathComponent(name))
    }
    for (tensor, name) in map { _ = try files[name]?.info(tensor) }
    self.files = files
    fileOfTensor = map
  }

  /// The names of all tensors.
  package var tensorNames: Set<String> { Set(fileOfTensor.keys) }

  /// The file that holds a tensor.
  package func file(of tensor: String) throws(SafetensorsError) -> SafetensorsFile {
    guard let name = fileOfTensor[tensor], let file = files[name] else {
      throw SafetensorsError(path: path, problem: .missingTensor(tensor))
    }
    return file
  }

  private static func readIndex(_ url: URL) throws(SafetensorsError) -> [String: String] {
    do throws(SafetensorsError.Problem) {
      let file: MappedFile
      do throws(FileError) {
        file = try MappedFile(path: url.path)
      } catch {
        throw .unreadable(error.description)
      }
      defer { withExtendedLifetime(file) {} }
      return try readIndex(JSONScanner(file.bytes, firstByte: 0))
    } catch {
      throw SafetensorsError(path: url.path, problem: error)
    }
  }

  private static func readIndex(
    _ scanner: consuming JSONScanner
  ) throws(SafetensorsError.Problem) -> [String: String] {
    var map: [String: String]?
    try scanner.object { json, key throws(SafetensorsError.Problem) in
      guard key == "weight_map" else { return try json.skipValue() }
      guard map == nil else { throw .duplicateName(key) }
      var entries: [String: String] = [:]
      try json.object { json, tensor throws(SafetensorsError.Problem) in
        let name = try json.string()
        // A name with a slash could reach files outside of the model's folder.
        guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.contains("\0") else {
          throw .unsafeFileName(name)
        }
        guard entries.updateValue(name, forKey: tensor) == nil else {
          throw .duplicateName(tensor)
        }
      }
      map = entries
    }
    try scanner.end()
    guard let map else { throw scanner.mismatch("a weight_map") }
    return map
  }
}

internal import Foundation
internal import Jobs

/// A JSON object that a person gives as a file, as `path=value` settings, or as both.
enum SpecInput {
  /// - Parameters:
  ///   - file: a path, or `-` for standard input; nil starts from an empty object.
  ///   - settings: each `a.b.c=value`. A value that is JSON counts as such, any other is a string.
  ///     A number in a path is an array's index, `+` its end.
  static func read(file: String?, settings: [String]) throws(Failure) -> JSONValue {
    var spec: JSONValue = [:]
    if let file { spec = try parse(bytes(of: file), name: file == "-" ? "standard input" : file) }
    guard spec.objectValue != nil else { throw .usage("\(file ?? "the spec") must hold an object") }
    for setting in settings { try apply(setting, to: &spec) }
    return spec
  }

  private static func bytes(of file: String) throws(Failure) -> [UInt8] {
    do {
      if file == "-" { return Array(try FileHandle.standardInput.readToEnd() ?? Data()) }
      return Array(try Data(contentsOf: URL(filePath: file)))
    } catch {
      throw .usage("cannot read \(file): \(error.localizedDescription)")
    }
  }

  private static func parse(_ bytes: [UInt8], name: String) throws(Failure) -> JSONValue {
    do {
      return try JSONValue(parsing: bytes)
    } catch {
      let line = bytes.prefix(error.byteOffset).count { $0 == UInt8(ascii: "\n") } + 1
      throw .usage("\(name) is not JSON: line \(line), \(error.detail)")
    }
  }

  private static func apply(_ setting: String, to spec: inout JSONValue) throws(Failure) {
    guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
      throw .usage("--set \(setting): expected path=value, such as optimizer.learning_rate=3e-4")
    }
    let text = String(setting[setting.index(after: equals)...])
    let value = (try? JSONValue(parsing: text)) ?? .string(text)
    let path = setting[..<equals].split(separator: ".", omittingEmptySubsequences: false)
    guard spec.set(value, at: path[...]) else {
      throw .usage("--set \(setting): there is a value on the way that is not an object")
    }
  }
}

extension JSONValue {
  /// False when the path leads through a value that has no members.
  fileprivate mutating func set(_ value: JSONValue, at path: ArraySlice<Substring>) -> Bool {
    guard let name = path.first else {
      self = value
      return true
    }
    switch self {
    case .null:
      self = [:]
      return set(value, at: path)
    case .object(var members):
      var member = members[String(name)] ?? .null
      guard member.set(value, at: path.dropFirst()) else { return false }
      members[String(name)] = member
      self = .object(members)
      return true
    case .array(var elements):
      let index = name == "+" ? elements.count : Int(name) ?? -1
      guard (0...elements.count).contains(index) else { return false }
      if index == elements.count { elements.append(.null) }
      guard elements[index].set(value, at: path.dropFirst()) else { return false }
      self = .array(elements)
      return true
    case .bool, .int, .double, .string:
      guard path.isEmpty else { return false }
      self = value
      return true
    }
  }
}

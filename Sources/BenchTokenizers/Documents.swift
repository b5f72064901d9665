import Foundation
import Tokenization

/// The documents of a file, a JSON text a line.
enum Documents {
  static func read(_ path: String) throws -> [String] {
    var documents: [String] = []
    for line in try Data(contentsOf: URL(filePath: path)).split(separator: 10) {
      var reader = JSONReader(Array(line))
      documents.append(try reader.string())
    }
    return documents
  }
}

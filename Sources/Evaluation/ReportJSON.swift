package import Foundation

/// Reports as JSON: snake_case names, sorted, one to a line, so that two reports can be compared.
package enum ReportJSON {
  /// The JSON of a report.
  package static func encode(_ report: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(report) + Data("\n".utf8)
  }

  /// The report that `encode` wrote.
  package static func decode<Report: Decodable>(
    _ type: Report.Type, from data: Data
  ) throws -> Report {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(type, from: data)
  }
}

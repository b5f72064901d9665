/// Rows in aligned columns, for a person.
struct TextTable {
  private let header: [String]
  private var rows: [[String]] = []

  init(_ header: String...) { self.header = header }

  /// - Parameter row: as many texts as there are columns.
  mutating func append(_ row: String...) { rows.append(row.map(Terminal.clean)) }

  /// One line for each row below the header; empty without rows.
  ///
  /// - Parameter columns: longer lines are cut, when the output is a terminal; nil cuts none.
  func lines(columns: Int?) -> [String] {
    guard !rows.isEmpty else { return [] }
    let all = [header] + rows
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
      let cells = zip(row, widths).map { text, width in
        text + String(repeating: " ", count: width - text.count)
      }
      let line = cells.joined(separator: "  ")
      let end = line.lastIndex { $0 != " " }.map { line.index(after: $0) } ?? line.startIndex
      return String(line[..<end].prefix(columns ?? .max))
    }
  }

  func print(whenEmpty: String) {
    guard !rows.isEmpty else { return Terminal.printError(whenEmpty) }
    for line in lines(columns: Terminal.outputIsTerminal ? Terminal.columns : nil) {
      Terminal.printLine(line)
    }
  }
}

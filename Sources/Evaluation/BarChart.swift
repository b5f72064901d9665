internal import Foundation

/// Figures side by side as bars, one group a figure, one colour a name. Values are shown beside
/// their bars, so that nothing has to be read off an axis.
struct BarChart {
  struct Bar {
    let name: String
    /// Nil for what was not measured: no bar, and a dash.
    let value: Double?
    let text: String
    /// Which of the six colours.
    let color: Int
  }

  let title: String
  /// The value that fills the width; nil for the largest one.
  var full: Double?
  let bars: [Bar]

  /// The chart as HTML.
  var html: String {
    let largest = full ?? bars.compactMap(\.value).max() ?? 0
    let rows = bars.map { bar in
      let share = largest > 0 ? max(bar.value ?? 0, 0) / largest : 0
      let width = String(format: "%.1f", 100 * share)
      return """
        <tr><th scope="row">\(HTMLText.escaped(bar.name))</th>\
        <td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">\
        <rect class="fill s\(bar.color)" width="\(width)" height="10" rx="1"/></svg></td>\
        <td class="figure">\(HTMLText.escaped(bar.text))</td></tr>
        """
    }
    return """
      <figure><figcaption>\(HTMLText.escaped(title))</figcaption>
      <table class="bars">\(rows.joined(separator: "\n"))</table></figure>
      """
  }
}

/// Text inside HTML.
enum HTMLText {
  /// `text` with what HTML gives a meaning written out.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}

internal import Jobs

/// What is known of a running job, as one line that is drawn over itself.
struct ProgressBar {
  var label: String
  var fraction = 0.0
  var step: Int64 = 0
  var stepsTotal: Int64?
  var secondsLeft: Double?
  var message = ""
  var loss: Double?
  var tokensPerSecond: Double?

  init(label: String) { self.label = label }

  mutating func update(_ progress: Progress) {
    fraction = min(max(progress.fraction, 0), 1)
    step = progress.step
    stepsTotal = progress.stepsTotal
    secondsLeft = progress.secondsLeft
    message = progress.message
  }

  /// - Parameter series: of a metric event, by name, each with a list `value`.
  mutating func update(series: JSONValue) {
    loss = series["loss"]?["value"]?.arrayValue?.last?.doubleValue ?? loss
    tokensPerSecond =
      series["tokens_per_s"]?["value"]?.arrayValue?.last?.doubleValue ?? tokensPerSecond
  }

  /// At most `columns` wide; the bar takes what the facts leave.
  func line(columns: Int) -> String {
    var facts = [stepsTotal.map { "\(step)/\($0)" } ?? (step > 0 ? "\(step)" : "")]
    if let loss { facts.append("loss \(Quantity.number(loss))") }
    if let tokensPerSecond { facts.append("\(Quantity.count(tokensPerSecond)) tokens/s") }
    if let secondsLeft { facts.append("\(Quantity.duration(seconds: secondsLeft)) left") }
    if loss == nil, !message.isEmpty { facts.append(Terminal.clean(message)) }
    let percent = "\(Int(fraction * 100))%"
    let text = facts.filter { !$0.isEmpty }.joined(separator: "  ")
    let room = columns - label.count - percent.count - text.count - 5
    let width = min(max(room, 0), 40)
    let bar = width < 5 ? "" : Self.bar(fraction, width: width) + " "
    return String("\(label) \(bar)\(percent)  \(text)".prefix(columns - 1))
  }

  /// Eighths of a block, so that it moves with every half percent.
  private static func bar(_ fraction: Double, width: Int) -> String {
    let eighths = Int(fraction * Double(width * 8))
    let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    let filled = String(repeating: "█", count: eighths / 8) + partial
    return filled + String(repeating: "░", count: width - filled.count)
  }
}

/// Something as people say it, and as a tool wants it.
///
/// Most of a request must be copied, but much of it must be normalised too: "March 5th" is
/// `03-05`, "half past two" `14:30`, "a dozen" 12. That is what separates a model that reads from
/// one that repeats.
struct SpokenValue {
  let spoken: String
  let value: CallValue
}

extension SplitMix64 {
  /// A day of the year, as `MM-DD`.
  mutating func date() -> SpokenValue {
    let month = number(in: 1...12)
    let day = number(in: 1...[31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1])
    let name = ToolCallWords.months[month - 1]
    let suffix =
      switch day {
      case 1, 21, 31: "st"
      case 2, 22: "nd"
      case 3, 23: "rd"
      default: "th"
      }
    let spoken =
      switch number(in: 1...4) {
      case 1: "\(name) \(day)"
      case 2: "\(name) \(day)\(suffix)"
      case 3: "\(day) \(name)"
      default: "the \(day)\(suffix) of \(name)"
      }
    return SpokenValue(spoken: spoken, value: .text("\(twoDigits(month))-\(twoDigits(day))"))
  }

  /// A time of day, as `HH:MM` on 24 hours.
  mutating func time() -> SpokenValue {
    let hour = number(in: 7...22)
    let minute = pick([0, 0, 15, 30, 45])
    let clock = "\(twoDigits(hour)):\(twoDigits(minute))"
    let half = hour < 12 ? "am" : "pm"
    let hour12 = hour > 12 ? hour - 12 : hour
    let spoken: String
    switch (number(in: 1...3), minute) {
    case (1, _): spoken = clock
    case (_, 0) where hour == 12: spoken = "noon"
    case (_, 0): spoken = "\(hour12) \(half)"
    default: spoken = "\(hour12):\(twoDigits(minute)) \(half)"
    }
    return SpokenValue(spoken: spoken, value: .text(clock))
  }

  /// A length of time, in minutes.
  mutating func duration() -> SpokenValue {
    let (minutes, names) = pick(ToolCallWords.durations)
    let spoken = once(in: 2) ? "\(minutes) minutes" : pick(names)
    return SpokenValue(spoken: spoken, value: .number(minutes))
  }

  /// A number of things: two to twelve, as digits or as a word.
  mutating func quantity() -> SpokenValue {
    let count = number(in: 2...12)
    let spoken = once(in: 2) ? "\(count)" : ToolCallWords.numbers[count - 1]
    return SpokenValue(spoken: spoken, value: .number(count))
  }

  /// A share of a whole in percent, a multiple of 5.
  mutating func percentage() -> SpokenValue {
    let percent = 5 * number(in: 1...20)
    let spoken: String
    switch (percent, once(in: 2)) {
    case (50, true): spoken = "half"
    case (100, true): spoken = "full"
    case (_, true): spoken = "\(percent)%"
    case (_, false): spoken = "\(percent) percent"
    }
    return SpokenValue(spoken: spoken, value: .number(percent))
  }

  /// A sum of money: how much, in which currency.
  mutating func amount() -> SpokenValue {
    let value = once(in: 2) ? number(in: 5...99) : 5 * number(in: 20...180)
    let currency = pick(ToolCallWords.currencies)
    let spoken = once(in: 3) ? "\(currency.sign)\(value)" : "\(value) \(currency.name)"
    return SpokenValue(
      spoken: spoken,
      value: .object([
        (name: "value", value: .number(value)), (name: "currency", value: .text(currency.code)),
      ]))
  }

  private func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

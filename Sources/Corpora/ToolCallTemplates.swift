/// How each tool is asked for, in many wordings.
enum ToolCallTemplates {
  /// Makes one request for one tool.
  typealias Template = @Sendable (inout SplitMix64) -> ToolCall

  static let all: [(tool: String, make: Template)] = [
    ("create_event", event), ("set_reminder", reminder), ("send_message", message),
    ("book_trip", trip), ("order_items", order), ("set_light", light), ("play_music", music),
    ("transfer_money", payment), ("get_weather", weather),
  ]

  private static func event(_ random: inout SplitMix64) -> ToolCall {
    let title = random.pick(ToolCallWords.eventTitles)
    let (date, time, duration) = (random.date(), random.time(), random.duration())
    let guests = random.people(0...2)
    let with = guests.isEmpty ? "" : " with " + guests.joined(separator: " and ")
    let request = random.pick([
      "schedule \(title)\(with) on \(date.spoken) at \(time.spoken) for \(duration.spoken)",
      "put \(title)\(with) in my calendar on \(date.spoken), \(time.spoken), \(duration.spoken)",
      "I have \(title)\(with) at \(time.spoken) on \(date.spoken), it takes \(duration.spoken)",
      "add \(duration.spoken) of \(title)\(with) on \(date.spoken) at \(time.spoken)",
    ])
    var arguments: [(name: String, value: CallValue)] = [
      (name: "title", value: .text(title)), (name: "when", value: when(date, time)),
      (name: "minutes", value: duration.value),
    ]
    if !guests.isEmpty {
      arguments.append((name: "guests", value: .list(guests.map { .text($0) })))
    }
    return ToolCall(request: request, tool: "create_event", arguments: arguments)
  }

  private static func reminder(_ random: inout SplitMix64) -> ToolCall {
    let task =
      random.pick(ToolCallWords.errandVerbs) + " " + random.pick(ToolCallWords.errandObjects)
    let (date, time) = (random.date(), random.time())
    let request = random.pick([
      "remind me to \(task) on \(date.spoken) at \(time.spoken)",
      "don't let me forget to \(task) at \(time.spoken) on \(date.spoken)",
      "on \(date.spoken) at \(time.spoken) I need to \(task)",
      "set a reminder for \(date.spoken), \(time.spoken): \(task)",
    ])
    return ToolCall(
      request: request, tool: "set_reminder",
      arguments: [(name: "text", value: .text(task)), (name: "when", value: when(date, time))])
  }

  private static func message(_ random: inout SplitMix64) -> ToolCall {
    let people = random.people(1...2)
    let to = people.joined(separator: " and ")
    let (channel, name) = random.pick([
      ("sms", "a text"), ("sms", "an SMS"), ("email", "an email"), ("email", "a mail"),
      ("chat", "a chat message"),
    ])
    let (text, time) = (random.pick(ToolCallWords.messages), random.time())
    let request = random.pick([
      "send \(name) to \(to) at \(time.spoken) saying \(text)",
      "at \(time.spoken), send \(to) \(name): \(text)",
      "write \(to) \(name) that says \(text), send it at \(time.spoken)",
    ])
    return ToolCall(
      request: request, tool: "send_message",
      arguments: [
        (name: "to", value: .list(people.map { .text($0) })), (name: "via", value: .text(channel)),
        (name: "text", value: .text(text)), (name: "at", value: time.value),
      ])
  }

  private static func trip(_ random: inout SplitMix64) -> ToolCall {
    let (from, to) = random.two(of: ToolCallWords.cities)
    let date = random.date()
    let (vehicle, ticket) = random.pick([
      ("plane", "flight"), ("train", "train"), ("bus", "bus"), ("plane", "plane ticket"),
      ("train", "train ticket"),
    ])
    let (adults, children) = (random.number(in: 1...4), random.number(in: 0...3))
    let party =
      (adults == 1 ? "one adult" : "\(ToolCallWords.numbers[adults - 1]) adults")
      + ["", " and one child", " and two children", " and three children"][children]
    let request = random.pick([
      "book a \(ticket) from \(from) to \(to) on \(date.spoken) for \(party)",
      "I need a \(ticket) to \(to) from \(from), \(date.spoken), \(party)",
      "get \(party) a \(ticket) on \(date.spoken) from \(from) to \(to)",
    ])
    return ToolCall(
      request: request, tool: "book_trip",
      arguments: [
        (name: "from", value: .text(from)), (name: "to", value: .text(to)),
        (name: "date", value: date.value), (name: "by", value: .text(vehicle)),
        (
          name: "passengers",
          value: .object([
            (name: "adults", value: .number(adults)), (name: "children", value: .number(children)),
          ])
        ),
      ])
  }

  private static func order(_ random: inout SplitMix64) -> ToolCall {
    let (first, second) = random.two(of: ToolCallWords.groceries)
    let items = (random.once(in: 4) ? [first] : [first, second]).map { ($0, random.quantity()) }
    let list = items.map { "\($0.1.spoken) \($0.0)" }.joined(separator: " and ")
    let date = random.date()
    let request = random.pick([
      "order \(list) for \(date.spoken)", "I want \(list) delivered on \(date.spoken)",
      "get me \(list) by \(date.spoken)", "we need \(list) on \(date.spoken)",
    ])
    return ToolCall(
      request: request, tool: "order_items",
      arguments: [
        (
          name: "items",
          value: .list(
            items.map { item, quantity in
              .object([
                (name: "name", value: .text(item)), (name: "quantity", value: quantity.value),
              ])
            })
        ), (name: "date", value: date.value),
      ])
  }

  private static func light(_ random: inout SplitMix64) -> ToolCall {
    let (room, color) = (random.pick(ToolCallWords.rooms), random.pick(ToolCallWords.colors))
    let (brightness, time) = (random.percentage(), random.time())
    let request = random.pick([
      "set the \(room) light to \(color) at \(brightness.spoken) brightness at \(time.spoken)",
      "at \(time.spoken) make the light in the \(room) \(color), \(brightness.spoken) brightness",
      "\(color) light in the \(room) at \(time.spoken), brightness \(brightness.spoken)",
    ])
    return ToolCall(
      request: request, tool: "set_light",
      arguments: [
        (name: "room", value: .text(room)),
        (
          name: "light",
          value: .object([
            (name: "color", value: .text(color)), (name: "brightness", value: brightness.value),
          ])
        ), (name: "at", value: time.value),
      ])
  }

  private static func music(_ random: inout SplitMix64) -> ToolCall {
    let (genre, room) = (random.pick(ToolCallWords.genres), random.pick(ToolCallWords.rooms))
    let (volume, duration) = (random.percentage(), random.duration())
    let request = random.pick([
      "play \(genre) in the \(room) for \(duration.spoken) at \(volume.spoken) volume",
      "\(duration.spoken) of \(genre) in the \(room), volume \(volume.spoken)",
      "I want to hear \(genre) in the \(room) at \(volume.spoken) volume for \(duration.spoken)",
    ])
    return ToolCall(
      request: request, tool: "play_music",
      arguments: [
        (name: "genre", value: .text(genre)), (name: "room", value: .text(room)),
        (name: "volume", value: volume.value), (name: "minutes", value: duration.value),
      ])
  }

  private static func payment(_ random: inout SplitMix64) -> ToolCall {
    let (person, note) = (
      random.pick(ToolCallWords.people), random.pick(ToolCallWords.paymentNotes)
    )
    let amount = random.amount()
    let request = random.pick([
      "send \(amount.spoken) to \(person) for \(note)",
      "pay \(person) \(amount.spoken) for \(note)",
      "transfer \(amount.spoken) to \(person), note \(note)",
      "I owe \(person) \(amount.spoken) for \(note), pay it",
    ])
    return ToolCall(
      request: request, tool: "transfer_money",
      arguments: [
        (name: "to", value: .text(person)), (name: "amount", value: amount.value),
        (name: "note", value: .text(note)),
      ])
  }

  private static func weather(_ random: inout SplitMix64) -> ToolCall {
    let (city, date) = (random.pick(ToolCallWords.cities), random.date())
    let unit = random.pick(["celsius", "fahrenheit"])
    let request = random.pick([
      "what is the weather in \(city) on \(date.spoken) in \(unit)",
      "show the \(unit) forecast for \(city) on \(date.spoken)",
      "how warm will it be on \(date.spoken) in \(city), in \(unit)",
    ])
    return ToolCall(
      request: request, tool: "get_weather",
      arguments: [
        (name: "city", value: .text(city)), (name: "date", value: date.value),
        (name: "unit", value: .text(unit)),
      ])
  }

  private static func when(_ date: SpokenValue, _ time: SpokenValue) -> CallValue {
    .object([(name: "date", value: date.value), (name: "time", value: time.value)])
  }
}

extension SplitMix64 {
  /// Two different choices.
  fileprivate mutating func two(of choices: [String]) -> (String, String) {
    let first = number(in: 0...choices.count - 1)
    let second = (first + number(in: 1...choices.count - 1)) % choices.count
    return (choices[first], choices[second])
  }

  /// Different names, as many as `counts` allows, two at the most.
  fileprivate mutating func people(_ counts: ClosedRange<Int>) -> [String] {
    let (first, second) = two(of: ToolCallWords.people)
    return Array([first, second].prefix(number(in: counts)))
  }
}

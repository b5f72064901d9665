/// The words that requests are made of.
enum ToolCallWords {
  static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]

  static let numbers = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "a dozen",
  ]

  static let durations: [(minutes: Int, names: [String])] = [
    (10, ["ten minutes"]), (15, ["a quarter of an hour", "fifteen minutes"]),
    (20, ["twenty minutes"]), (30, ["half an hour"]), (45, ["three quarters of an hour"]),
    (60, ["an hour", "one hour"]), (90, ["an hour and a half"]), (120, ["two hours"]),
    (180, ["three hours"]),
  ]

  static let currencies = [
    (sign: "€", name: "euros", code: "EUR"), (sign: "$", name: "dollars", code: "USD"),
    (sign: "£", name: "pounds", code: "GBP"),
  ]

  static let people = [
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry", "Ida", "Jonas", "Karin",
    "Leo", "Maria", "Noah", "Olivia", "Paul", "Rosa", "Simon", "Tina", "Victor", "Wendy", "Yusuf",
  ]

  static let cities = [
    "Athens", "Berlin", "Boston", "Cairo", "Chicago", "Denver", "Dublin", "Geneva", "Helsinki",
    "Lima", "Lisbon", "London", "Madrid", "Milan", "Munich", "Oslo", "Paris", "Prague", "Rome",
    "Seoul", "Sydney", "Tokyo", "Vienna", "Zurich",
  ]

  static let eventTitles = [
    "dentist", "yoga class", "team lunch", "budget review", "piano lesson", "job interview",
    "parent evening", "project kickoff", "birthday dinner", "car inspection", "book club",
    "doctor visit",
  ]

  static let errandVerbs = ["buy", "clean", "fix", "order", "pack", "return", "sell", "check"]
  static let errandObjects = [
    "the bike", "the books", "the camera", "the car", "the curtains", "the keys", "the lamp",
    "the laptop", "the shoes", "the tent", "the printer", "the sofa",
  ]

  static let messages = [
    "I am running late", "the meeting is over", "dinner is ready", "thank you for the gift",
    "call me back", "see you tomorrow", "the train was cancelled", "I found the keys",
    "happy birthday", "we won the game", "the parcel arrived", "please bring the tickets",
  ]

  static let groceries = [
    "apples", "bananas", "carrots", "eggs", "lemons", "onions", "oranges", "pears", "potatoes",
    "tomatoes", "peppers", "rolls",
  ]

  static let rooms = [
    "kitchen", "bedroom", "bathroom", "office", "garage", "hallway", "living room", "garden",
  ]

  static let colors = ["red", "green", "blue", "yellow", "purple", "white", "warm", "cold"]

  static let genres = [
    "jazz", "rock", "pop", "folk", "techno", "blues", "opera", "reggae", "soul", "metal",
  ]

  static let paymentNotes = [
    "rent", "dinner", "tickets", "groceries", "gas", "the gift", "taxi", "insurance",
  ]
}

internal import ArgumentParser
internal import Foundation
internal import Jobs

/// `bitnet models`.
struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List models, or make one known.", subcommands: [List.self, Import.self],
    defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List models, the newest first.")

    @Option(help: "How many at most.")
    var limit = 50

    @OptionGroup var options: ServerOptions

    func run() throws {
      let models = try options.server.pages(of: "models", limit: limit)
      if options.json { return Terminal.printLine(JSONValue.array(models).text) }
      var table = TextTable("ID", "PARAMETERS", "SIZE", "FORMAT", "JOB", "NAME")
      for model in models {
        table.append(
          model.text("id"), Quantity.count(model["parameters"]?.doubleValue ?? 0),
          Quantity.bytes(model["bytes"]?.doubleValue ?? 0), model.text("format"),
          model.text("job"), model.text("name"))
      }
      table.print(whenEmpty: "There are no models yet. `bitnet submit train` makes one.")
    }
  }

  struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a checkpoint directory of the server's machine known.")

    @Argument(help: "The directory. A relative one is meant from here.", completion: .directory)
    var directory: String

    @Option(help: "A name for people.")
    var name: String?

    @OptionGroup var options: ServerOptions

    func run() throws {
      var request: JSONObject = ["path": .string(URL(filePath: directory).path)]
      request["name"] = name.map { .string($0) }
      let model = try options.server.post("v1", "models", "import", body: .object(request))
      Terminal.printLine(options.json ? model.text : model.text("id"))
    }
  }
}

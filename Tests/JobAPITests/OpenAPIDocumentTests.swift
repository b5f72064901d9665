import JobAPI
import Jobs
import Testing

struct OpenAPIDocumentTests {
  let document = OpenAPIDocument.json(version: "0")

  @Test func `every reference leads to a schema`() {
    var references: Set<String> = []
    collect(document, into: &references)
    let names = Set((document["components"]?["schemas"]?.objectValue ?? [:]).map(\.0))
    #expect(!references.isEmpty)
    for reference in references {
      #expect(
        names.contains(reference.replacing("#/components/schemas/", with: "")), "\(reference)")
    }
  }

  @Test func `every operation is in it, once`() {
    let operations = (document["paths"]?.objectValue ?? [:]).flatMap { _, methods in
      (methods.objectValue ?? [:]).compactMap { $0.1["operationId"]?.stringValue }
    }
    #expect(operations.sorted() == APIOperation.allCases.map(\.rawValue).sorted())
  }

  @Test func `defaults and bounds come from the field tables`() {
    let train = document["components"]?["schemas"]?["TrainSpec"]?["properties"]
    #expect(train?["batch_size"]?["default"] == 8)
    #expect(train?["batch_size"]?["minimum"] == 1)
    #expect(
      train?["losses"]?["properties"]?["kd"]?["properties"]?["temperature"]?["default"] == 1.3)
  }

  private func collect(_ json: JSONValue, into references: inout Set<String>) {
    switch json {
    case .object(let object):
      for (name, value) in object {
        if name == "$ref", let target = value.stringValue { references.insert(target) }
        collect(value, into: &references)
      }
    case .array(let elements):
      for element in elements { collect(element, into: &references) }
    default: break
    }
  }
}

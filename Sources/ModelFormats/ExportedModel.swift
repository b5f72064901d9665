package import Tokenization
package import Transformer

/// A model that is about to be written in another format.
package struct ExportedModel {
  /// What people call it.
  package let name: String
  package let configuration: ModelConfiguration
  /// The weights; ternary projections as latent floats.
  package let parameters: Parameters
  package let tokenizer: Tokenizer
  /// The Jinja source of its chat template, when it has one.
  package let chatTemplate: String?

  /// A model; the parameters are those of `configuration`.
  package init(
    name: String, configuration: ModelConfiguration, parameters: Parameters, tokenizer: Tokenizer,
    chatTemplate: String? = nil
  ) {
    precondition(
      parameters.layout == ParameterLayout(configuration),
      "the parameters must have the configuration's layout")
    self.name = name
    self.configuration = configuration
    self.parameters = parameters
    self.tokenizer = tokenizer
    self.chatTemplate = chatTemplate
  }

  /// The elements of a tensor of the layout.
  func values(_ view: ParameterView) -> UnsafePointer<Float> {
    UnsafePointer(parameters.values + view.offset)
  }
}

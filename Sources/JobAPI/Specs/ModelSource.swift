/// What a training starts from.
package enum ModelSource: Equatable, Sendable {
  /// Random weights of a shape.
  case preset(PresetModel)
  /// Another model's weights.
  case initialFrom(InitialModel)
}

/// A shape by name, with some of its numbers changed.
package struct PresetModel: Equatable, Sendable {
  package var preset: ModelPreset = .demo
  package var overrides = ModelOverrides()

  /// A preset as it is, unless overridden.
  package init(preset: ModelPreset = .demo, overrides: ModelOverrides = ModelOverrides()) {
    self.preset = preset
    self.overrides = overrides
  }

  static let table = FieldTable(
    "PresetModel", "Random weights of a shape: a preset, with some of its numbers changed.",
    initial: PresetModel(),
    fields: [.required("preset", \.preset, .choice, "The shape.")]
      + ModelOverrides.fields.map { $0.within(\.overrides) })
}

/// The weights of another model, perhaps to be quantized from now on.
package struct InitialModel: Equatable, Sendable {
  package var model: ModelReference
  /// Nil keeps the model's own.
  package var quantization: Quantization?
  /// Nil keeps the model's own; norms that are new start with weight 1.
  package var subNorm: Bool?

  /// Another model as it is, unless overridden.
  package init(
    model: ModelReference, quantization: Quantization? = nil, subNorm: Bool? = nil
  ) {
    self.model = model
    self.quantization = quantization
    self.subNorm = subNorm
  }

  static let table = FieldTable(
    "InitialModel", "Another model's weights.", initial: InitialModel(model: .unread),
    fields: [
      .required("init_from", \.model, .modelReference, "The model whose weights are copied."),
      .optional(
        "quantization", \.quantization, .choice, "Whether the projections are ternary from now on."),
      .optional(
        "sub_norm", \.subNorm, .boolean, "Adds SubLN, with weights of 1, or takes it away."),
    ])
}

/// Shapes that have names. A test holds them against the Transformer module's presets.
package enum ModelPreset: String, CaseIterable, Sendable {
  case demo, mini
  case bitnet2B4T = "bitnet-2b4t"
  case qwen3With600M = "qwen3-0.6b"
  case sevenB = "7b"
}

/// Whether the projections' weights are trits.
package enum Quantization: String, CaseIterable, Sendable {
  case none, ternary
}

/// The activation of the gated MLP.
package enum HiddenActivation: String, CaseIterable, Sendable {
  case silu, relu2
}

extension Shape where Value == ModelSource {
  /// `{"preset", …overrides}` or `{"init_from"}`.
  package static var model: Shape {
    variants(
      "a model",
      [
        Variant(key: "preset", PresetModel.table, wrap: { .preset($0) }) {
          if case .preset(let model) = $0 { model } else { nil }
        },
        Variant(key: "init_from", InitialModel.table, wrap: { .initialFrom($0) }) {
          if case .initialFrom(let model) = $0 { model } else { nil }
        },
      ])
  }
}

namespace KvmAgent.Coordinator.Rest.Templates;

/// <summary>What a template takes.</summary>
/// <param name="Value">Where nobody says another; empty: none.</param>
/// <param name="Generated">Makes one up where there is none; null: nothing does.</param>
/// <param name="Required">Whether it must not be empty.</param>
internal sealed record TemplateParameter(string Name, string Value = "", GeneratedText? Generated = null, bool Required = false, string? DisplayName = null, string? Description = null);

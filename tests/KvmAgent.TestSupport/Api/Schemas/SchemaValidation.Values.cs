using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KvmAgent.TestSupport.Api;

/// <summary>Texts, numbers, and how many.</summary>
internal sealed partial class SchemaValidation
{
    private void CheckText(string text, JsonObject schema, string path)
    {
        Limit(text.EnumerateRunes().Count(), "Length", "chars long", schema, path);
        if (schema.Text("pattern") is { } pattern && !Regex.IsMatch(text, pattern, RegexOptions.CultureInvariant))
        {
            _causes.Add(Cause.Invalid(path, $"\"{text}\"", $"{path} in body should match '{pattern}'"));
        }

        if (schema.Text("format") is { } format && !Formats.Holds(format, text))
        {
            _causes.Add(Cause.Invalid(path, $"\"{text}\"", $"{path} in body must be of type {format}: \"{text}\""));
        }
    }

    private void CheckNumber(JsonNode node, JsonObject schema, string path)
    {
        var value = decimal.Parse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);
        if (Bound(schema, "minimum") is { } least && (schema.Flag("exclusiveMinimum") == true ? value <= least : value < least))
        {
            _causes.Add(Cause.Invalid(path, $"{value}", $"{path} in body should be greater than{(schema.Flag("exclusiveMinimum") == true ? "" : " or equal to")} {least}"));
        }

        if (Bound(schema, "maximum") is { } most && (schema.Flag("exclusiveMaximum") == true ? value >= most : value > most))
        {
            _causes.Add(Cause.Invalid(path, $"{value}", $"{path} in body should be less than{(schema.Flag("exclusiveMaximum") == true ? "" : " or equal to")} {most}"));
        }

        if (Bound(schema, "multipleOf") is { } unit && value % unit != 0)
        {
            _causes.Add(Cause.Invalid(path, $"{value}", $"{path} in body should be a multiple of {unit}"));
        }

        if (schema.Text("format") == "int32" && (value is > int.MaxValue or < int.MinValue))
        {
            _causes.Add(Cause.Invalid(path, $"{value}", $"{path} in body must be of type int32: \"int64\""));
        }
    }

    private void Limit(int count, string limit, string unit, JsonObject schema, string path)
    {
        if (Bound(schema, "min" + limit) is { } least && count < least)
        {
            _causes.Add(Cause.Invalid(path, $"{count}", $"{path} in body should have at least {least} {unit}"));
        }

        if (Bound(schema, "max" + limit) is { } most && count > most)
        {
            _causes.Add(new Cause(path, limit == "Length" ? "FieldValueTooLong" : "FieldValueTooMany", $"Too {(limit == "Length" ? "long" : "many")}: {count}: must have at most {most} {unit}"));
        }
    }

    private static decimal? Bound(JsonObject schema, string name) =>
        schema[name] is { } bound ? decimal.Parse(bound.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture) : null;
}

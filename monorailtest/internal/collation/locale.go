package collation

import (
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"golang.org/x/text/language"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

// locales are those for which ICU has collation data: a locale of any other name is refused.
var locales = set(`af am ar ar_SA as az be bg bn bo bs bs_Cyrl ca chr cs cy da de de_AT dsb dz ee el en en_US en_US_POSIX
	eo es et fa fa_AF fi fi_FI fil fo fr fr_CA ga gl gu ha haw he he_IL hi hr hsb hu hy id id_ID ig is it ja ka kk kl km kn ko kok
	ky lb lkt ln lo lt lv mk ml mn mr ms mt my nb nb_NO ne nl nn no om or pa pa_Guru pa_Guru_IN pl ps pt ro ru se si sk sl smn sq
	sr sr_Cyrl sr_Cyrl_BA sr_Cyrl_ME sr_Cyrl_RS sr_Latn sr_Latn_BA sr_Latn_RS sv sw ta te th to tr ug uk ur uz vi wae yi yo
	zh zh_Hans zh_Hans_CN zh_Hans_SG zh_Hant zh_Hant_HK zh_Hant_MO zh_Hant_TW zu`)

// normalizing are the locales in which ICU normalizes by default.
var normalizing = set(`as bn el fa fa_AF gu he he_IL hi ig km kn kok mr my or pa pa_Guru pa_Guru_IN ps si ta te th vi yi yo`)

// keywords are the collations of ICU that a locale can name behind @collation=.
var keywords = set(`big5han dictionary emoji eor gb2312han phonebook phonetic pinyin reformed search searchjl standard stroke
	traditional unihan zhuyin compat`)

// variants are the locales with a keyword of which the library has the weights, as the tags that it
// knows them by.
var variants = map[string]string{
	"de@collation=phonebook":      "de-u-co-phonebk",
	"fi@collation=standard":       "fi-u-co-standard",
	"sv@collation=standard":       "sv-u-co-standard",
	"ln@collation=phonetic":       "ln-u-co-phonetic",
	"zh@collation=stroke":         "zh-u-co-stroke",
	"zh@collation=pinyin":         "zh",
	"zh_Hant@collation=stroke":    "zh-Hant",
	"zh_Hant@collation=pinyin":    "zh-Hant-u-co-pinyin",
	"en@collation=standard":       "en",
	"fr@collation=standard":       "fr",
	"de@collation=standard":       "de",
	"es@collation=standard":       "es",
	"en_US_POSIX@collation=posix": "en-US-u-va-posix",
}

// norwegian are the names of Norwegian.
var norwegian = set(`nb nb_NO nn no`)

func set(names string) map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(names) {
		out[name] = true
	}
	return out
}

// defaults returns the options that a locale has where the specification says nothing.
func defaults(locale string, spec bson.D) (options, error) {
	language, keyword, hasKeyword := strings.Cut(locale, "@")
	if collation, ok := strings.CutPrefix(keyword, "collation="); !locales[language] || hasKeyword && (!ok || !keywords[collation]) {
		return options{}, mongoerror.New(mongoerror.BadValue, "Field 'locale' is invalid in: %s%s", bsonvalue.Format(spec), suggestion(language))
	}
	o := options{locale: locale, strength: 3, caseFirst: "off", alternate: "non-ignorable", maxVariable: "punct",
		normalization: normalizing[language]}
	switch language {
	case "da", "mt":
		o.caseFirst = "upper"
	case "fr_CA":
		o.backwards = true
	case "th":
		o.alternate = "shifted"
	}
	return o, nil
}

// suggestion names the locale that ICU would have taken.
func suggestion(locale string) string {
	for at := strings.LastIndexAny(locale, "_-"); at > 0; at = strings.LastIndexAny(locale, "_-") {
		if locale = locale[:at]; locales[locale] {
			return ". Did you mean '" + locale + "'?"
		}
	}
	return ""
}

// tag is the locale as the library names it, with numeric ordering if it is wanted.
func (o options) tag() language.Tag {
	name, ok := variants[o.locale]
	switch {
	case ok:
	case norwegian[o.locale]:
		// The alphabet is the Danish one; the library finds no weights under the language's own names.
		name = "da"
	case o.locale == "en_US_POSIX":
		name = "en-US-u-va-posix"
	default:
		name = strings.ReplaceAll(o.locale, "_", "-")
	}
	if o.numericOrdering {
		if strings.Contains(name, "-u-") {
			name += "-kn-true"
		} else {
			name += "-u-kn-true"
		}
	}
	return language.MustParse(name)
}

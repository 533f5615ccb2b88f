"""The catalogues: each language says everything, in its own words."""

import re
from string import Formatter

import pytest

from gateway.pages.catalogue import Catalogue
from gateway.pages.languages import LANGUAGES

ENGLISH = Catalogue.load("en").sentences
CHINESE = [tag for tag in LANGUAGES if tag != "en"]

# What is written in Latin letters in Chinese too.
NAMES = {"Cookie", "HTTPS"}
# Words of one side of the strait that a reader of the other side would stumble over.
ELSEWHERE = {
    "zh-Hans": "登入 登出 帐户 伺服器 使用者 程式 储存 闸道 连结 逾时 工作阶段 存取 预设 设定 讯息 透过 网路",
    "zh-Hant": "登錄 退出 賬 服務器 用戶 應用程序 瀏覽器緩存 存儲 網關 鏈接 會話 訪問 默認 設置 信息 郵箱 網絡 通過以",
}
TRADITIONAL = "這個與為應從過還嗎請務員號碼認證頁設說無關權選擇帳錯誤變連線"
SIMPLIFIED = "这个与为应从过还吗请务员号码认证页设说无关权选择账错误变连线"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_same_sentences_with_the_same_places(language):
    """Same keys in the same order, so that the files can be read side by side; the same `{names}`."""
    own = Catalogue.load(language).sentences

    assert list(own) == list(ENGLISH)
    assert {key: _places(text) for key, text in own.items()} == {
        key: _places(text) for key, text in ENGLISH.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_empty_or_has_blanks_at_its_ends(language):
    """A translator's slip."""
    own = Catalogue.load(language).sentences

    assert [key for key, text in own.items() if not text or text != text.strip() or "  " in text] == []


@pytest.mark.parametrize("language", CHINESE)
def test_a_chinese_sentence_has_no_latin_leftovers(language):
    """No word of English, and no Latin comma, stop or question mark, but names and places to fill."""
    for key, text in Catalogue.load(language).sentences.items():
        plain = re.sub(r"\{[a-z]+\}", "", text)

        assert set(re.findall(r"[A-Za-z]+", plain)) <= NAMES, key
        assert not set(plain) & set(",.!?;:()"), key
        assert re.search(r"[\u4e00-\u9fff]", plain), key


@pytest.mark.parametrize("language", CHINESE)
def test_each_chinese_is_written_as_its_own_readers_write(language):
    """Characters of the other script and words of the other region are both wrong."""
    text = "".join(Catalogue.load(language).sentences.values())
    foreign = set(TRADITIONAL if language == "zh-Hans" else SIMPLIFIED)
    foreign -= set(SIMPLIFIED if language == "zh-Hans" else TRADITIONAL)

    assert sorted(foreign & set(text)) == []
    assert [word for word in ELSEWHERE[language].split() if word in text] == []


def test_the_chinese_catalogues_are_no_conversion_of_each_other():
    """They differ in words and not only in the shapes of characters: 退出登录 is 登出, and 服务器 is 伺服器."""
    hans, hant = (Catalogue.load(tag).sentences for tag in CHINESE)

    differing = [key for key in hans if len(hans[key]) != len(hant[key])]
    assert len(differing) > len(hans) / 4


def _places(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)

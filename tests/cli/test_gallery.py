"""``chainrule gallery``, as a reader types it."""


def test_from_the_list_to_an_example(chainrule):
    listed = chainrule("gallery")
    assert "mazur" in listed.stdout
    shown = chainrule("gallery", "victorzhou")
    assert "6 numbers, of which 2 differ." in shown.stdout
    assert "0.0214" in shown.stdout
    assert "the product of the three factors as they were rounded" in shown.stdout


def test_pages(chainrule, tmp_path):
    done = chainrule("gallery", "han", "--html", "pages")
    assert "3 in pages; open pages/index.html in a browser" in done.stdout
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {
        "index.html", "han.html", "han-step.html",
    }  # fmt: skip
    assert chainrule("gallery", "han", "--html", "pages").returncode == 0


def test_nothing_else_is_written_over(refused, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").write_text("my own")
    assert "does not hold a page" in refused("gallery", "han", "--html", "pages")
    assert "did you mean 'mazur'" in refused("gallery", "mazzur")

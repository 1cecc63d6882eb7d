"""Names in their usual spellings, apart from the rules, of which one (ç for s) was learnt here."""

from typing import Final

Variants = tuple[str, ...]
"""Arabic, then French spellings that Moroccan papers use for it."""


def _variants(text: str) -> tuple[Variants, ...]:
    return tuple(
        tuple(spelling.strip() for spelling in line.split("|"))
        for line in text.strip().splitlines()
    )


HELD_OUT: Final = _variants("""
عبد الصمد | Abdessamad | Abdessamade | Abdelsamad
عبد الإله | Abdelilah | Abdelillah | Abdellilah
عبد الهادي | Abdelhadi | Abdel Hadi | Abdelhady
عبد المجيد | Abdelmajid | Abdelmjid | Abdel Majid
عبد الغني | Abdelghani | Abdelrhani | Abdel Ghani
عبد السلام | Abdeslam | Abdessalam | Abdesselam
عبد القادر | Abdelkader | Abdelqader | Abdelkadir
عبد النبي | Abdennabi | Abdenbi | Abdelnabi
عبد الواحد | Abdelouahed | Abdelwahed | Abdelouahid
عبد الجليل | Abdeljalil | Abdel Jalil | Abdjalil
بدر الدين | Badreddine | Badr Eddine | Badr-Eddine
شرف الدين | Charafeddine | Charaf Eddine | Charafdine
معاذ | Mouad | Moad | Mouaad
زهير | Zouhair | Zouhayr | Zoheir
حكيم | Hakim | Hakime
مراد | Mourad | Morad | Murad
رضوان | Redouane | Ridouane | Radouane
نجيب | Najib | Nagib
فيصل | Fayçal | Faiçal | Faysal
فريد | Farid | Faride
سليمان | Soulaimane | Souleymane | Slimane
إسماعيل | Ismail | Smail | Ismaïl
عيسى | Aissa | Aïssa | Issa
موسى | Moussa | Mousa | Musa
لقمان | Lokmane | Loqman | Louqmane
أشرف | Achraf | Ashraf
أيمن | Aymane | Aymen | Ayman
عماد | Imad | Imade | Emad
قاسم | Kacem | Qassem | Kassem
الطيب | Taieb | Tayeb | Taïb
بوبكر | Boubker | Boubaker | Boubkeur
المختار | El Mokhtar | Mokhtar | Lmokhtar
الحبيب | El Habib | Lahbib | Habib
فاطنة | Fatna | Fatena
رقية | Rokia | Roukaya | Rqia
حفيظة | Hafida | Hafidha
زكية | Zakia | Zakiya
نزهة | Nezha | Nouzha | Nozha
هدى | Houda | Hoda | Huda
ابتسام | Ibtissam | Ibtisam | Btissam
سكينة | Soukaina | Soukayna | Sokaina
أميمة | Oumaima | Omaima | Oumayma
صفاء | Safae | Safaa | Safa
مروة | Maroua | Marwa | Meroua
لمياء | Lamiae | Lamia | Lamyae
فدوى | Fadoua | Fadwa | Fedoua
كنزة | Kenza | Kanza
مباركة | Mbarka | M'barka | Embarka
السعدية | Saadia | Essaadia | Saâdia
الإبراهيمي | El Ibrahimi | Ibrahimi | El Brahimi
الدكالي | Doukkali | Doukali | Eddoukali
السوسي | Soussi | Essoussi | Sousi
الصقلي | Skalli | Sqalli | Squalli
المراكشي | El Marrakchi | Marrakchi | Elmarrakchi
البقالي | El Bakkali | Bakali | El Baqqali
الغرباوي | El Gharbaoui | Gharbaoui | Rharbaoui
الريفي | Rifi | Errifi | Riffi
العثماني | El Othmani | Otmani | Elotmani
المسعودي | El Messaoudi | Messaoudi | Elmassaoudi
اليوسفي | El Youssfi | Youssfi | Lyoussfi
بلعربي | Belarbi | Bel Arbi | Belaarbi
بنشقرون | Benchekroun | Bencheqroun | Ben Chekroun
بنكيران | Benkirane | Ben Kirane | Benkiran
بوطالب | Boutaleb | Boutalib | Bou Taleb
بوعياد | Bouayad | Bouayyad
زنيبر | Zniber | Znibar
جسوس | Guessous | Gessous | Jessous
الودغيري | El Oudghiri | Oudghiri | Ouadghiri
السباعي | Sebai | Essebai | Sbai
التهامي | Touhami | Tuhami | Ettouhami
القباج | Kabbaj | El Kabbaj | Qabbaj
الزموري | Zemmouri | Zmouri | Ezzemmouri
المكناسي | El Meknassi | Meknassi | El Maknassi
آيت أحمد | Ait Ahmed | Aït Ahmed | Aitahmed
بلحسن | Belhassan | Bel Hassan | Belhassen
""")
